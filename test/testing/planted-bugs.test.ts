/** The simulation finds bugs that are known to hide: each is planted in a chart or in what decides for it, and some seed shows it. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import { type AnyStateMachine, createMachine } from 'xstate';
import type { ExecutionError, Fact } from '../../src/index.ts';
import { type ExecutorContext, type ExecutorEvent, failureOf, hasRetryLeft } from '../../src/machines/executor.decisions.ts';
import {
  type Ended,
  type Finding,
  type Pick,
  type SimulationReport,
  type Story,
  scripted,
  search,
  simulate,
  type ToolCall,
} from '../../src/testing/testing.ts';
import { everyKind } from '../simulation/stories.ts';

type Mutation = (machine: AnyStateMachine) => AnyStateMachine;

/** What is planted now, by the name of what it changes. */
const planted = vi.hoisted(
  () =>
    ({ run: undefined, executor: undefined, breaker: undefined, spends: false }) as {
      run: Mutation | undefined;
      executor: Mutation | undefined;
      breaker: Mutation | undefined;
      spends: boolean;
    },
);

vi.mock('../../src/machines/run.machine.ts', async (original) => {
  const real = await original<typeof import('../../src/machines/run.machine.ts')>();
  return {
    ...real,
    get runMachine() {
      return planted.run?.(real.runMachine) ?? real.runMachine;
    },
  };
});
vi.mock('../../src/machines/executor.machine.ts', async (original) => {
  const real = await original<typeof import('../../src/machines/executor.machine.ts')>();
  return {
    ...real,
    get executorMachine() {
      return planted.executor?.(real.executorMachine) ?? real.executorMachine;
    },
  };
});
vi.mock('../../src/machines/breaker.machine.ts', async (original) => {
  const real = await original<typeof import('../../src/machines/breaker.machine.ts')>();
  return {
    ...real,
    get breakerMachine() {
      return planted.breaker?.(real.breakerMachine) ?? real.breakerMachine;
    },
  };
});
vi.mock('../../src/machines/run.jobs.ts', async (original) => {
  const real = await original<typeof import('../../src/machines/run.jobs.ts')>();
  const reservation: typeof real.reservation = (state, ...rest) =>
    real.reservation(planted.spends ? { ...state, reserved: { credits: '0' } } : state, ...rest);
  return { ...real, reservation };
});

interface Node {
  states: Record<string, Node>;
  on: Record<string, unknown>;
}

/** The chart with its states changed. */
const changed =
  (change: (root: Node) => void): Mutation =>
  (machine) => {
    const config = copyOf(machine.config) as Node;
    change(config);
    return createMachine(config as never, machine.implementations as never);
  };

const copyOf = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, copyOf(part)]));
};

/** The state of this path. */
const at = (root: Node, ...path: readonly string[]): Node =>
  path.reduce((node, key) => {
    const inner = node.states[key];
    if (!inner) throw new Error(`no state ${key}`);
    return inner;
  }, root);

const guarded =
  (guards: Readonly<Record<string, (args: never) => boolean>>): Mutation =>
  (machine) =>
    machine.provide({ guards } as never);

/** As the executor's `canRetry`, but of whichever attempt. */
const ofAnyAttempt = ({ context, event }: { readonly context: ExecutorContext; readonly event: ExecutorEvent }): boolean =>
  hasRetryLeft(context, failureOf(context, event).error);

/** A step that is soon out of time and soon tried again, so that its attempts overlap. */
const hasty = (pick: Pick): Story => ({
  workflow: { id: 'hasty', steps: [{ id: 'only', tool: 'tardy', timeout: 1, retry: { maxRetries: 3, backoff: { baseMs: 1 } } }] },
  tools: (world) => [world.tool('tardy', ['succeed', 'fail', 'late'])],
  controls: pick(2) === 0 ? [] : ['pause', 'resume'],
  repeats: ['attempt.settled'],
  invariants: {
    'an attempt fails by what its own call did': ({ facts, calls }: Ended) => facts.every((fact) => isOwnFailure(fact, calls)),
  },
});

/** A timeout is nobody's call's. */
function isOwnFailure({ type, executionId, payload }: Fact, calls: readonly ToolCall[]): boolean {
  const { attempt, error } = payload as { readonly attempt?: number; readonly error?: ExecutionError };
  if (type !== 'tier3/attempt/failed' || error?.code === 'STEP_TIMEOUT') return true;
  return calls.some(
    ({ context, outcome }) => context.execution.executionId === executionId && context.attempt === attempt && outcome === 'failed',
  );
}

/** Four steps at once of a tool whose breaker opens with the first failure; and another that spends. */
const crowded = (pick: Pick): Story => ({
  workflow: {
    id: 'crowded',
    retry: { maxRetries: 3, backoff: { baseMs: 1_000 } },
    steps: ['a', 'b', 'c', 'd'].map((id) => ({ id, tool: 'fragile', credits: '1', onFailure: 'continue' as const })),
  },
  allocation: { maxCredits: pick(3) === 0 ? '2' : '1000', maxConcurrentSteps: 4 },
  tools: (world) => [
    world.tool('fragile', ['succeed', 'fail', 'succeed'], { breaker: { failureThreshold: 1, resetMs: 500, successThreshold: 1 } }),
  ],
  controls: [],
  invariants: { 'one probe at a time': ({ calls }: Ended) => probesAtOnce(calls) <= 1 },
});

/** The most calls under way at once that began after a failure, before the first success of one of them. */
function probesAtOnce(calls: readonly ToolCall[]): number {
  const ends = calls.map((call) => ({ at: call.endedAt ?? Number.POSITIVE_INFINITY, call, isEnd: true }));
  const moments = [...calls.map((call) => ({ at: call.startedAt, call, isEnd: false })), ...ends].toSorted((a, b) => a.at - b.at);
  const probes = new Set<ToolCall>();
  let isOpen = false;
  let most = 0;
  for (const { call, isEnd } of moments) {
    if (!isEnd && isOpen) probes.add(call);
    else if (isEnd && call.outcome === 'failed') isOpen = true;
    else if (isEnd && probes.has(call)) isOpen = false;
    if (isEnd) probes.delete(call);
    if (!isOpen) probes.clear();
    most = Math.max(most, probes.size);
  }
  return most;
}

const find = (storyOf: (pick: Pick) => Story, runs = 300): Promise<Finding<SimulationReport> | undefined> =>
  search(tell(storyOf), { runs, maxTries: 200 });

const tell = (storyOf: (pick: Pick) => Story) => (pick: Pick) => simulate(pick, storyOf(pick));

const BUGS = {
  'a completion that is lost while its run is pausing': [
    () => {
      planted.run = changed((run) => (at(run, 'pausing').on['child.done'] = {}));
    },
    everyKind,
    /^(stuck in|not settled)/,
  ],
  'a second resume that starts the steps again': [
    () => {
      planted.run = changed((run) => (at(run, 'running').on['execution.resume'] = { actions: 'restartChildren' }));
    },
    everyKind,
    /do not fold to its live state/,
  ],
  'a run that is cancelled while its steps still commit': [
    () => {
      planted.run = guarded({ noChildIsLeft: () => true });
    },
    everyKind,
    /^I[12]/,
  ],
  'a late error of an attempt that was left, taken for that of the next': [
    () => {
      planted.executor = guarded({ isCurrentAttempt: () => true, canRetry: ofAnyAttempt });
    },
    hasty,
    /^an attempt fails by what its own call did/,
  ],
  'a half-open breaker that lets two calls through': [
    () => {
      planted.breaker = changed((breaker) => (at(breaker, 'halfOpen', 'idle').on['breaker.acquired'] = {}));
    },
    crowded,
    /^one probe at a time/,
  ],
  'a budget that is checked before a step is awaited and spent after it': [
    () => {
      planted.spends = true;
    },
    crowded,
    /^I3/,
  ],
} as const;

afterEach(() => Object.assign(planted, { run: undefined, executor: undefined, breaker: undefined, spends: false }));

describe('the simulation', () => {
  it.each([everyKind, crowded, hasty])('finds nothing where nothing is planted (%o)', async (storyOf) => {
    expect((await find(storyOf))?.text).toBeUndefined();
  });

  it.each(Object.entries(BUGS))('finds %s', async (_, [plant, storyOf, violation]) => {
    plant();
    const finding = await find(storyOf);
    expect(finding?.report.trace.length, finding?.text).toBeLessThanOrEqual(finding?.first.trace.length ?? 0);
    expect(await tell(storyOf)(scripted(finding?.choices ?? []))).toEqual(finding?.report);
    expect(finding?.report.violations.join('\n')).toMatch(violation);
  });
});
