/** What the error log says of failures at each tier, and of what became of them (RSL-11). */

import { describe, expect, it } from 'vitest';
import {
  type AnyTool,
  createRuntime,
  type Fact,
  type Runtime,
  type RuntimeOptions,
  type ToolContext,
  type WorkflowDefinition,
} from '../../../src/index.ts';
import { executionError } from '../../../src/machines/protocol/errors.ts';
import { ErrorLog } from '../../../src/runtime/errors/error-log.ts';
import { SILENT } from '../../../src/runtime/logger.ts';
import { settlePromises, VirtualClock } from '../../../src/testing/testing.ts';
import { collectAll } from '../../support/collect-all.ts';

/** Fails so often, then returns. */
const flaky = (name: string, failures: number): AnyTool => {
  let calls = 0;
  return {
    name,
    breaker: false,
    run: () => {
      calls++;
      if (calls <= failures) throw new Error(`${name} failed`);
      return name;
    },
  };
};
const broken = flaky('broken', Number.POSITIVE_INFINITY);
const works: AnyTool = { name: 'works', run: () => 'done' };

async function world(options: RuntimeOptions = {}) {
  const clock = new VirtualClock();
  const runtime = await createRuntime({ clock, tools: [broken, works, flaky('flaky', 2)], ...options });
  return {
    clock,
    runtime,
    async run(workflow: Omit<WorkflowDefinition, 'id'>) {
      const handle = runtime.run({ id: 'w', ...workflow } as WorkflowDefinition, { context: { executionId: 'run' } });
      await settlePromises();
      await clock.advanceAsync(600_000);
      return handle;
    },
    async [Symbol.asyncDispose]() {
      await runtime.stop({ graceMs: 0 });
    },
  };
}

const outcomes = ({ errors }: Pick<Runtime, 'errors'>) => errors.list().map(({ tool, code, outcome }) => `${tool ?? code} ${outcome}`);

describe('a failure in a run', () => {
  it('that is tried again: each attempt is a failure, and all are recovered once it goes well', async () => {
    await using w = await world();
    await w.run({ steps: [{ id: 'only', tool: 'flaky', retry: 2 }] });
    const place = { source: 'tier3', executionId: 'run/only/1', swarmId: 'run', stepId: 'only', tool: 'flaky' };
    expect(w.runtime.errors.list()).toEqual(
      [1, 2].map((attempt) => ({
        id: expect.any(String),
        at: expect.any(Number),
        code: 'EXECUTION_FAILED',
        errorClass: 'transient',
        message: 'flaky failed',
        ...place,
        attempt,
        outcome: 'recovered',
        outcomeAt: expect.any(Number),
      })),
    );
  });

  it('that no retry helps: the last one has failed, and no tier above adds any', async () => {
    await using w = await world();
    const handle = await w.run({ steps: [{ id: 'only', tool: 'broken', retry: 2 }] });
    expect(await handle.result()).toMatchObject({ status: 'failed' });
    expect(outcomes(w.runtime)).toEqual(['broken retried', 'broken retried', 'broken failed']);
    expect(w.runtime.errors.counts()).toEqual({
      total: 3,
      classes: { transient: { total: 3, outcomes: { retried: 2, failed: 1 } } },
      codes: { EXECUTION_FAILED: { total: 3, outcomes: { retried: 2, failed: 1 } } },
      tools: { broken: { total: 3, outcomes: { retried: 2, failed: 1 } } },
      agents: {},
    });
  });

  it('that a fallback makes up for is recovered; one whose fallback fails too has fallen back', async () => {
    await using w = await world();
    const fallback = (tool: string) => ({
      fallbacks: [{ on: 'any' as const, action: 'use-tool' as const, tool }],
      onFailure: 'continue' as const,
    });
    await w.run({
      steps: [
        { id: 'saved', tool: 'broken', ...fallback('works') },
        { id: 'lost', tool: 'broken', ...fallback('flaky') },
      ],
    });
    expect(outcomes(w.runtime)).toEqual(['broken recovered', 'broken fell_back', 'flaky failed']);
  });

  it.each([
    ['approve', ['broken recovered']],
    ['reject', ['broken escalated', 'REJECTED_BY_HUMAN failed']],
    ['abort', ['broken escalated']],
  ] as const)('that a person is asked about, who says %s', async (decision, expected) => {
    await using w = await world();
    const handle = await w.run({ steps: [{ id: 'only', tool: 'broken', fallbacks: [{ on: 'any', action: 'escalate-to-human' }] }] });
    expect(outcomes(w.runtime)).toEqual(['broken escalated']);
    await handle.decide('only', { decision });
    await handle.result();
    expect(outcomes(w.runtime)).toEqual(expected);
  });

  it('of branches: the group and the run around them have none of their own', async () => {
    await using w = await world();
    const group = (id: string, more: object) => ({
      id,
      type: 'parallel' as const,
      onBranchFailure: 'collect' as const,
      steps: [1, 2, 3].map((number) => ({ id: `${id}${number}`, tool: number === 3 ? 'works' : 'broken' })),
      ...more,
    });
    const saved = { fallbacks: [{ on: 'BRANCH_FAILED', action: 'use-value', value: null }] };
    const handle = await w.run({ steps: [group('saved', saved), group('lost', { dependencies: ['saved'] })] } as never);
    expect(await handle.result()).toMatchObject({ error: { code: 'BRANCH_FAILED' } });
    const entries = w.runtime.errors.list().map(({ stepId, outcome }) => `${stepId} ${outcome}`);
    expect(entries.sort()).toEqual(['lost1 failed', 'lost2 failed', 'saved1 recovered', 'saved2 recovered']);
  });

  it('of the run itself, such as its timeout, is one of tier 2', async () => {
    await using w = await world({ tools: [{ name: 'hang', run: () => new Promise(() => {}) }] });
    const steps = [{ id: 'only', tool: 'hang', timeout: 60_000 }];
    const handle = w.runtime.run({ id: 'w', steps }, { context: { executionId: 'run' }, allocation: { maxDurationMs: 1_000 } });
    await settlePromises();
    await w.clock.advanceAsync(60_000);
    expect(await handle.result()).toMatchObject({ error: { code: 'RUN_TIMEOUT' } });
    expect(w.runtime.errors.list()).toEqual([expect.objectContaining({ code: 'RUN_TIMEOUT', source: 'tier2', executionId: 'run' })]);
  });

  it('is known by its code and class where the definition was refused', async () => {
    await using w = await world();
    await w.run({ steps: [{ id: 'only', tool: 'missing' }] });
    expect(w.runtime.errors.list({ class: 'validation', code: 'TOOL_NOT_FOUND' })).toHaveLength(1);
  });
});

describe('a failure in a swarm', () => {
  const agents = ['a', 'b'].map((id) => ({ id, capabilities: ['work'], restart: { maxRestarts: 0, withinMs: 60_000 } }));
  const swarm = (tool: string, capability = 'work') => ({
    id: 's',
    goal: 'Work',
    tasks: [{ id: 'task', requiredCapabilities: [capability], steps: [{ id: 'only', tool }] }],
  });
  const start = async (
    { runtime, clock }: Pick<Awaited<ReturnType<typeof world>>, 'runtime' | 'clock'>,
    source: ReturnType<typeof swarm>,
  ) => {
    const handle = runtime.swarm(source);
    await settlePromises();
    await clock.advanceAsync(600_000);
    return handle.result();
  };

  it.each([
    ['another agent does better at is recovered', 1, ['flaky recovered a']],
    ['another agent fails at too was reassigned', 9, ['flaky reassigned a', 'flaky failed b']],
  ] as const)('that %s', async (_, failures, expected) => {
    await using w = await world({ agents, tools: [flaky('flaky', failures)] });
    await settlePromises();
    await start(w, swarm('flaky'));
    const errors = w.runtime.errors.list().filter(({ source }) => source === 'tier3');
    expect(errors.map(({ tool, outcome, agentId }) => `${tool} ${outcome} ${agentId}`)).toEqual(expected);
  });

  it('of its agent is one failure, of the agent and of the task that it had', async () => {
    const hang: AnyTool = {
      name: 'hang',
      run: (_: unknown, { agent }: ToolContext) => (agent?.id === 'a' ? w.runtime.agents.crash('a') && new Promise(() => {}) : 'done'),
    };
    await using w = await world({ agents, tools: [hang], faults: {} });
    await settlePromises();
    expect(await start(w, swarm('hang'))).toMatchObject({ status: 'completed' });
    expect(w.runtime.errors.list()).toEqual([
      expect.objectContaining({ code: 'AGENT_CRASHED', source: 'agent', agentId: 'a', outcome: 'recovered' }),
    ]);
    expect(w.runtime.errors.counts().agents).toEqual({ a: { total: 1, outcomes: { recovered: 1 } } });
  });

  it('that no agent is left for is one failure, of the pool and of the task', async () => {
    const last: AnyTool = { name: 'last', run: () => w.runtime.agents.crash('a') && new Promise(() => {}) };
    await using w = await world({ agents: agents.slice(0, 1), tools: [last], faults: {} });
    await settlePromises();
    expect(await start(w, swarm('last'))).toMatchObject({ status: 'failed' });
    const refused = w.runtime.errors.list({ code: 'NO_CAPABLE_AGENT' });
    expect(refused).toEqual([expect.objectContaining({ outcome: 'failed', source: 'tier1', taskId: 'task' })]);
    expect(w.runtime.errors.counts().total).toBe(2);
  });

  it('that no agent is there for is one failure, of the pool and of the step', async () => {
    await using w = await world();
    await w.run({ steps: [{ id: 'only', type: 'agent', capabilities: ['fly'], tool: 'works' }] });
    expect(w.runtime.errors.list()).toEqual([
      expect.objectContaining({ code: 'NO_CAPABLE_AGENT', outcome: 'failed', source: 'tier3', stepId: 'only', tool: 'works' }),
    ]);
    expect(w.runtime.errors.counts().tools).toEqual({ works: { total: 1, outcomes: { failed: 1 } } });
  });
});

describe('a failure outside of executions', () => {
  it('of an agent: recovered when it is ready again, failed when it is given up', async () => {
    await using w = await world({ agents: [{ id: 'a', capabilities: ['work'] }], faults: {} });
    await settlePromises();
    for (let crash = 1; crash <= 4; crash++) {
      expect(w.runtime.agents.crash('a')).toBe(true);
      await settlePromises();
    }
    expect(w.runtime.errors.list().map(({ outcome }) => outcome)).toEqual(['recovered', 'recovered', 'recovered', 'failed']);
  });

  it('of a breaker: open, retried by a probe, recovered when it closes', async () => {
    const tool = { ...flaky('unsteady', 2), breaker: { failureThreshold: 2, resetMs: 1_000, successThreshold: 1 } };
    await using w = await world({ tools: [tool] });
    const call = async () => {
      w.runtime.run({ id: 'w', steps: [{ id: 'only', tool: 'unsteady' }] });
      await settlePromises();
    };
    await call();
    await call();
    const ofBreaker = () => w.runtime.errors.list({ code: 'CIRCUIT_OPEN' }).filter(({ source }) => source === 'breaker');
    expect(ofBreaker()).toEqual([expect.objectContaining({ breaker: 'tool/unsteady', outcome: 'open', errorClass: 'dependency' })]);
    await w.clock.advanceAsync(1_000);
    expect(ofBreaker()).toEqual([expect.objectContaining({ outcome: 'retried' })]);
    await call();
    expect(ofBreaker()).toEqual([expect.objectContaining({ outcome: 'recovered' })]);
  });
});

describe('the log', () => {
  it('keeps the latest, counts all, and shows those that are asked for, newest last', async () => {
    await using w = await world({ errors: { limit: 3 } });
    for (let number = 1; number <= 5; number++) {
      w.runtime.run({ id: 'w', steps: [{ id: `s${number}`, tool: number === 4 ? 'missing' : 'broken' }] });
      await settlePromises();
      await w.clock.advanceAsync(1_000);
    }
    const { errors } = w.runtime;
    expect(errors.list().map(({ code }) => code)).toEqual(['EXECUTION_FAILED', 'TOOL_NOT_FOUND', 'EXECUTION_FAILED']);
    expect(errors.list({ code: 'EXECUTION_FAILED' }).map(({ stepId }) => stepId)).toEqual(['s3', 's5']);
    expect(errors.list({ class: 'timeout' })).toEqual([]);
    const [, middle] = errors.list();
    expect(errors.list({ since: middle?.at ?? 0 })).toHaveLength(2);
    expect(errors.counts()).toMatchObject({ total: 5, codes: { TOOL_NOT_FOUND: { total: 1 } } });
  });

  it('refuses options and filters that are no objects, or cannot be read', async () => {
    const unreadable = new Proxy(
      {},
      {
        get() {
          throw new Error('no');
        },
      },
    );
    await using w = await world();
    for (const given of [7, 'all', [], unreadable]) {
      await expect(createRuntime({ errors: given as never })).rejects.toMatchObject({ code: 'INVALID_VALUE' });
      expect(() => w.runtime.errors.list(given as never)).toThrowError(expect.objectContaining({ code: 'INVALID_VALUE' }));
    }
    expect(() => w.runtime.errors.list(null as never)).toThrowError(expect.objectContaining({ code: 'INVALID_VALUE' }));
  });

  it.each([0, 1.5, -1, Number.NaN, '10', null, 10_000_000])('is refused a limit of %s', async (limit) => {
    await expect(createRuntime({ errors: { limit: limit as number } })).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  });

  it('of a runtime that goes on with an execution has what happened to it before', async () => {
    const steps = [{ id: 'only', tool: 'broken', fallbacks: [{ on: 'any' as const, action: 'escalate-to-human' as const }] }];
    let facts: readonly Fact[];
    {
      await using first = await world();
      const handle = await first.run({ steps });
      facts = [];
      const all = collectAll(handle.facts());
      await first.runtime.stop({ graceMs: 0 });
      facts = await all;
    }
    await using second = await world();
    const handle = await second.runtime.restore(facts);
    expect(outcomes(second.runtime)).toEqual(['broken escalated']);
    await settlePromises();
    await handle.decide('only', { decision: 'approve' });
    expect(await handle.result()).toMatchObject({ status: 'completed' });
    expect(outcomes(second.runtime)).toEqual(['broken recovered']);
  });
});

describe('facts of other versions', () => {
  const error = { code: 'EXECUTION_FAILED', message: 'boom', tier: 'tier3', retryable: true, errorClass: 'transient' };
  /** Each is `[type, payload, executionId]`. */
  function told(...facts: readonly (readonly [string, object | null, string?])[]) {
    const missed: unknown[] = [];
    const log = new ErrorLog({}, { ...SILENT, error: (fields) => void missed.push(fields) });
    const ids = { stream: 'run', swarmId: 'run', correlationId: 'c', v: 1 };
    log.hear(
      facts.map(([type, payload, executionId = 'run'], index) => {
        const parent = executionId === 'run' ? {} : { parentExecutionId: executionId.split('/').slice(0, -2).join('/') };
        const tier = type.startsWith('tier') ? (type.slice(0, 5) as 'tier1') : 'tier2';
        return { ...ids, ...parent, id: `run#${index + 1}`, seq: index + 1, at: index + 1, tier, type, executionId, payload };
      }),
    );
    expect(missed).toEqual([]);
    return log.list().map(({ code, outcome }) => `${code} ${outcome}`);
  }

  it('a crashed step that is restarted: retried, and recovered with it', () => {
    const crash = { stepId: 's', ordinal: 0, cause: { name: 'Error', message: 'boom' } };
    expect(told(['tier2/step/restarted', crash])).toEqual(['ACTOR_CRASHED retried']);
    expect(told(['tier2/step/restarted', crash], ['tier2/step/completed', { stepId: 's' }])).toEqual(['ACTOR_CRASHED recovered']);
  });

  it('a step that is escalated at once, with whom to ask', () => {
    const failed = ['tier3/execution/failed', { stepId: 's', error }, 'run/s/1'] as const;
    const escalated = ['tier2/step/escalated', { stepId: 's', error, approval: { role: 'lead', quorum: 2 } }] as const;
    expect(told(failed, escalated)).toEqual(['EXECUTION_FAILED escalated']);
    expect(told(failed, ['tier2/step/fell_back', { stepId: 's', error }], escalated)).toEqual(['EXECUTION_FAILED escalated']);
  });

  it('a task that climbs the ladder: reassigned, replanned, escalated, and recovered with the task or the swarm', () => {
    const run = (number: number) => ['tier2/routine/failed', { error }, `run/t/${number}`] as const;
    const task = { taskId: 't', ordinal: 0, error };
    const replanned = [run(1), ['tier1/swarm/replanning', { ...task, round: 1 }]] as const;
    expect(told(...replanned)).toEqual(['EXECUTION_FAILED replanned']);
    expect(told(run(1), ['tier1/task/failed', { ...task, fatal: true }], ['tier1/swarm/replanning', task])).toEqual([
      'EXECUTION_FAILED replanned',
    ]);
    expect(told(run(1), ['tier1/task/reassigned', task], ['tier1/task/started', task], run(2), ['tier1/task/escalated', task])).toEqual([
      'EXECUTION_FAILED reassigned',
      'EXECUTION_FAILED escalated',
    ]);
    expect(told(run(1), ['tier1/task/escalated', task], ['tier1/task/completed', { taskId: 't' }])).toEqual(['EXECUTION_FAILED recovered']);
    expect(told(...replanned, ['tier1/swarm/coordination_completed', {}])).toEqual(['EXECUTION_FAILED recovered']);
    const givenUp = [run(1), ['tier1/task/given_up', task], ['tier1/swarm/replanning', { ...task, round: 1 }]] as const;
    expect(told(...givenUp)).toEqual(['EXECUTION_FAILED replanned']);
    expect(told(...givenUp, ['tier1/swarm/coordination_completed', {}])).toEqual(['EXECUTION_FAILED recovered']);
    const noPlan = ['tier1/swarm/replanning_failed', { round: 1, error: executionError('DECOMPOSITION_FAILED', 'none', 'tier1') }] as const;
    expect(told(...givenUp, noPlan, ['tier1/task/escalated', task])).toEqual(['EXECUTION_FAILED escalated', 'DECOMPOSITION_FAILED failed']);
    expect(told(...givenUp, noPlan, ['tier1/task/failed', task])).toEqual(['EXECUTION_FAILED failed', 'DECOMPOSITION_FAILED failed']);
    expect(told(['tier1/task/given_up', task], ['tier1/task/failed', task])).toEqual(['EXECUTION_FAILED failed']);
  });

  it('a task that fails again as it did, once people have let it go on, has failed twice', () => {
    const task = { taskId: 't', ordinal: 0, error };
    const decided = ['tier1/task/decided', { taskId: 't', ordinal: 0, decision: 'retry' }] as const;
    expect(told(['tier1/task/escalated', task], decided, ['tier1/task/failed', task])).toHaveLength(2);
  });

  it('a breaker that a person has opened has not failed; one that only a person closes has', () => {
    const key = { scope: 'system', key: 'system' };
    expect(told(['breaker/held', { ...key, by: 'ann' }], ['breaker/opened', { ...key, by: 'ann' }])).toEqual([]);
    expect(told(['breaker/held', { ...key, failures: 3 }])).toEqual(['CIRCUIT_OPEN open']);
  });

  it('any that holds an error is a failure, unless that is known there', () => {
    expect(told(['tier2/step/whatever', { stepId: 's', error }], ['tier2/step/again', { stepId: 's', error }])).toEqual([
      'EXECUTION_FAILED open',
    ]);
    expect(told(['tier3/execution/failed', { stepId: 's', error }, 'run/s/1'], ['tier2/step/whatever', { stepId: 's', error }])).toEqual([
      'EXECUTION_FAILED failed',
    ]);
    expect(told(['delegation/failed', { error }], ['agent/whatever', { agentId: 'a', error }])).toEqual([
      'EXECUTION_FAILED open',
      'EXECUTION_FAILED open',
    ]);
  });

  it('any that makes no sense does no harm', () => {
    expect(told(['tier2/step/failed', null], ['tier3/attempt/failed', {}], ['tier1/swarm/whatever', { error: 'text' }], ['', {}])).toEqual([
      'EXECUTION_FAILED failed',
      'EXECUTION_FAILED retried',
    ]);
  });
});

it.each([
  [{ class: 'permament' }, 'There is no class of errors permament. Did you mean "permanent"?'],
  [{ code: 'STEP_TIMEDOUT' }, 'There is no error code STEP_TIMEDOUT. Did you mean "STEP_TIMEOUT"?'],
  [{ since: '2026' }, 'since is a moment in milliseconds, got 2026'],
  [null, 'The filter must be an object, got null'],
])('list(%o) is refused', (filter, message) => {
  expect(() => new ErrorLog({}, SILENT).list(filter as never)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE', message }));
});
