/**
 * S03: the JSON document of the CoreOrchestrator source, verbatim, with fake modules that note every call.
 * Proves RUN-2, RUN-4, RUN-5, RUN-7, RUN-10 (defaults), RUN-11 and RUN-14.
 */

import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Carrier } from '../../src/actors/post-office.ts';
import type { JsonObject, ToolContext } from '../../src/index.ts';
import { VirtualClock } from '../../src/testing/testing.ts';
import { startRuntime } from '../support/start-runtime.ts';
import { wait } from '../support/tools.ts';

const text = await readFile(new URL('../fixtures/multi-agent-collaboration.json', import.meta.url), 'utf8');
/** The whole document, with the wrapper that it has. */
const workflow = JSON.parse(text) as JsonObject;
const assignments = ['coordinator', 'executor', 'reviewer'].map((role, n) => ({ role, agent: `agent-${n + 1}` }));

/** Modules that take `ms` each, and what was asked of them. */
async function collaboration(ms: number, hangs: readonly string[] = []) {
  const clock = new VirtualClock();
  const calls: { readonly module: string; readonly parameters: object; readonly from: number; to?: number }[] = [];
  const began = clock.now();
  const module = (name: string, operation: string, result: unknown) => ({
    [name]: {
      [operation]: async (parameters: object, { signal }: ToolContext) => {
        const call: (typeof calls)[number] = { module: name, parameters, from: clock.now() - began };
        calls.push(call);
        if (hangs.includes(name)) await wait(clock, 600_000, signal);
        if (ms > 0) await wait(clock, ms, signal);
        call.to = clock.now() - began;
        return result;
      },
    },
  });
  const modules = {
    ...module('context', 'create-context', { contextId: 'ctx-1' }),
    ...module('role', 'assign-roles', { assignments }),
    ...module('plan', 'create-plan', { planId: 'p-1' }),
    ...module('trace', 'start-monitoring', { traceId: 't-1' }),
    ...module('dialog', 'facilitate-communication', { dialogId: 'd-1' }),
  };
  /** All letters within one turn of the event loop: no time passes on the clock while one is on its way. */
  const carrier: Carrier = { carry: (letter) => queueMicrotask(() => letter.open()) };
  const world = await startRuntime({ clock, modules, carrier });
  return { ...world, clock, calls, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

describe('S03: the multi-agent collaboration document', () => {
  it('runs its steps in order, the two nested ones together, each module once', async () => {
    await using world = await collaboration(1_000);
    const run = world.runtime.run(workflow);
    await world.clock.advanceAsync(10_000);
    const result = await run.result();
    expect(result).toMatchObject({ success: true, duration: 4_000 });
    expect(world.calls.map(({ module, from, to }) => `${module} ${from}-${to}`)).toEqual([
      'context 0-1000',
      'role 1000-2000',
      'plan 2000-3000',
      'trace 3000-4000',
      'dialog 3000-4000',
    ]);
    const facts = await world.checkInvariants(run.executionId);
    const settled = facts
      .filter(({ type }) => type === 'tier2/step/completed')
      .map(({ payload }) => (payload as { stepId: string }).stepId);
    expect(settled.slice(0, 3)).toEqual(['context-setup', 'role-assignment', 'plan-creation']);
    expect(settled.at(-1)).toBe('execution-monitoring');
  });

  it('hands on what the modules returned: arrays stay arrays, nested operations get the plan', async () => {
    await using world = await collaboration(0);
    const run = world.runtime.run(workflow);
    const { result } = await run.result();
    expect(world.calls.map(({ module, parameters }) => ({ module, parameters }))).toEqual([
      { module: 'context', parameters: { name: 'collaboration-session', type: 'multi-agent' } },
      { module: 'role', parameters: { contextId: 'ctx-1', roles: ['coordinator', 'executor', 'reviewer'] } },
      { module: 'plan', parameters: { contextId: 'ctx-1', assignedRoles: assignments } },
      { module: 'trace', parameters: { planId: 'p-1' } },
      { module: 'dialog', parameters: { participants: assignments } },
    ]);
    expect(result).toEqual([
      { stepId: 'trace-execution', status: 'completed', value: { traceId: 't-1' }, error: null },
      { stepId: 'dialog-facilitation', status: 'completed', value: { dialogId: 'd-1' }, error: null },
    ]);
    await world.checkInvariants(run.executionId);
  });

  it('starts both nested steps before either ends', async () => {
    await using world = await collaboration(1_000);
    const run = world.runtime.run(workflow);
    await world.clock.advanceAsync(3_500);
    expect(world.calls.slice(3)).toMatchObject([
      { module: 'trace', from: 3_000 },
      { module: 'dialog', from: 3_000 },
    ]);
    expect(world.calls.slice(3).map(({ to }) => to)).toEqual([undefined, undefined]);
    await world.clock.advanceAsync(1_000);
    await run.result();
    await world.checkInvariants(run.executionId);
  });

  it('gives its steps 30, 15, 60, 30 and 30 seconds', async () => {
    await using world = await collaboration(0);
    const run = world.runtime.run(workflow);
    await run.result();
    const limits = (await world.checkInvariants(run.executionId))
      .filter(({ type }) => type === 'tier3/execution/started')
      .map(({ at, payload }) => (payload as { dueAt: number }).dueAt - at);
    expect(limits).toEqual([30_000, 15_000, 60_000, 30_000, 30_000]);
  });

  it('asks a person when a step has timed out four times, as its error handling says', async () => {
    await using world = await collaboration(0, ['role']);
    const run = world.runtime.run(workflow);
    await world.clock.advanceAsync(4 * 15_000 + 1_000 + 2_000 + 4_000);
    expect(run.status).toBe('waiting');
    expect(world.calls.map(({ from }) => from)).toEqual([0, 0, 16_000, 33_000, 52_000]);
    expect(await run.decide('role-assignment', { decision: 'approve', value: { assignments }, by: 'ann' })).toBe(true);
    expect(await run.result()).toMatchObject({ success: true });
    expect(world.calls.find(({ module }) => module === 'plan')?.parameters).toEqual({ contextId: 'ctx-1', assignedRoles: assignments });
    await world.checkInvariants(run.executionId);
  });

  it('costs less than 250 ms of orchestration in all', async () => {
    await using world = await collaboration(0);
    const began = performance.now();
    await world.runtime.run(workflow).result();
    expect(performance.now() - began).toBeLessThan(250);
  });
});
