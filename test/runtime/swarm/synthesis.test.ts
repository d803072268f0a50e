import { describe, expect, it } from 'vitest';
import type { SynthesizerInput, TaskReport } from '../../../src/machines/protocol/swarm.ts';
import { synthesis } from '../../../src/runtime/swarm/synthesis.ts';
import { decompose, planIn, SALES_TASKS, swarmJob, waiting } from './definition-for-test.ts';

const { signal } = new AbortController();
const done = (result: TaskReport['result']): TaskReport => ({ status: 'completed', result, agentId: 'agent-1', error: null });
const ended = (status: TaskReport['status'], code?: string): TaskReport => ({
  status,
  result: null,
  agentId: null,
  error: code === undefined ? null : { code, message: 'it broke' },
});
const input = (tasks: SynthesizerInput['tasks'], plan = planIn(decompose(SALES_TASKS))): SynthesizerInput => ({
  job: swarmJob(),
  plan,
  tasks,
});

describe('a swarm without a synthesis of its own results in', () => {
  it('its goal, a summary, and what each task came to', () => {
    expect(synthesis(input({ task_2: done('report'), task_1: done({ sum: 7 }) }), signal)).toEqual({
      goal: 'Sell more',
      summary: 'All 2 tasks completed.',
      tasks: { task_1: { sum: 7 }, task_2: 'report' },
    });
  });

  it('a summary that counts what completed and names what did not', () => {
    const plan = planIn(decompose(waiting({ a: [], b: [], c: ['b'], d: [] })));
    const tasks = { a: done(1), b: ended('failed', 'TOOL_NOT_FOUND'), c: ended('skipped'), d: ended('cancelled') };
    expect(synthesis(input(tasks, plan), signal)).toMatchObject({
      summary: '1 of 4 tasks completed. Failed: b (TOOL_NOT_FOUND: it broke). Skipped: c. Cancelled: d.',
      tasks: { a: 1, b: null, c: null, d: null },
    });
  });

  it('a short summary however much has failed', () => {
    const ids = Array.from({ length: 1_000 }, (_, n) => `t${n}`);
    const plan = planIn(decompose(waiting(Object.fromEntries(ids.map((id) => [id, []])))));
    const { summary } = synthesis(input(Object.fromEntries(ids.map((id) => [id, ended('failed')])), plan), signal) as { summary: string };
    expect(summary).toMatch(/^0 of 1000 tasks completed\. Failed: t0, .*, t19 and 980 more\.$/);
  });

  it('one sentence for one task', () => {
    expect(synthesis(input({ a: done(1) }, planIn(decompose(waiting({ a: [] })))), signal)).toMatchObject({
      summary: 'The task completed.',
    });
  });
});

describe('a synthesis of the user', () => {
  it('decides the result, and is told of every task in the order of the plan', () => {
    const result = synthesis(input({ task_2: done('b'), task_1: done('a') }), signal, ({ goal, tasks }) => [
      goal,
      ...Object.entries(tasks).map(([id, { description, result }]) => `${id} ${description} ${String(result)}`),
    ]);
    expect(result).toEqual(['Sell more', 'task_1 Analyze the sales data a', 'task_2 Write the summary report b']);
  });

  it('cannot change what the tasks came to', () => {
    const rows = { rows: [1] };
    synthesis(input({ task_1: done(rows), task_2: done(2) }), signal, ({ tasks }) => {
      const mine = (tasks['task_1']?.result ?? null) as unknown as typeof rows | null;
      mine?.rows.push(2);
    });
    expect(rows).toEqual({ rows: [1] });
  });
});
