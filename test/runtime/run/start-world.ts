/** A runtime whose one tool does what its parameters say, on a virtual clock, and notes every call with its times. */

import { expect } from 'vitest';
import type { Carrier } from '../../../src/actors/post-office.ts';
import type { ExecutionHandle, Fact, RunOptions, RuntimeOptions, ToolContext, WorkflowDefinition } from '../../../src/index.ts';
import { SwarmchartError } from '../../../src/index.ts';
import type { RunState } from '../../../src/machines/machines.ts';
import { evolveRun } from '../../../src/machines/machines.ts';
import type { RunFact } from '../../../src/machines/protocol/run.ts';
import { FRESH_RUN } from '../../../src/machines/run.state.ts';
import { VirtualClock } from '../../../src/testing/testing.ts';
import { startRuntime } from '../../support/start-runtime.ts';
import { wait } from '../../support/tools.ts';

export const HOUR = 3_600_000;

export interface Work {
  /** How long it takes. @default 1_000 */
  readonly ms?: number;
  /** What it returns. @default the step's id */
  readonly value?: unknown;
  /** How many attempts fail. @default 0 */
  readonly failures?: number;
  /** Code of those failures; a plain Error without one. */
  readonly code?: ConstructorParameters<typeof SwarmchartError>[0];
  /** Never settles and ignores its signal. */
  readonly deaf?: boolean;
  /** Credits that it books beyond its cost. */
  readonly spend?: string;
  /** Tokens that it books beyond those declared, and memory that it takes. */
  readonly tokens?: number;
  readonly memoryMB?: number;
}

export interface Call {
  readonly step: string;
  readonly attempt: number;
  readonly key: string;
  /** Milliseconds since the world began. */
  readonly from: number;
  to?: number;
  /** Code of the reason for which its signal was aborted. */
  aborted?: string;
}

/** Opens letters in their order, all within the present turn of the event loop, so that no time passes on the clock between two of them. */
function promptCarrier(): Carrier {
  return { carry: (letter) => queueMicrotask(() => letter.open()) };
}

/** @param more Of its tools. */
export async function startWorld(options: RuntimeOptions = {}, more: object = {}, startAt?: number) {
  const clock = new VirtualClock(startAt);
  const began = clock.now();
  const calls: Call[] = [];
  const tool = (name: string) => ({
    name,
    ...more,
    run: async (work: Work, context: ToolContext) => {
      const call: Call = { step: context.stepId, attempt: context.attempt, key: context.idempotencyKey, from: clock.now() - began };
      calls.push(call);
      context.signal.addEventListener('abort', () => {
        call.aborted ??= (context.signal.reason as SwarmchartError).code;
      });
      if (work.deaf) await new Promise(() => {});
      try {
        if (work.spend !== undefined) context.spend({ credits: work.spend });
        if (work.tokens !== undefined) context.spend({ tokens: work.tokens });
        if (work.memoryMB !== undefined) context.spend({ memoryMB: work.memoryMB });
        if (work.ms !== 0) await wait(clock, work.ms ?? 1_000, context.signal);
      } finally {
        call.to = clock.now() - began;
      }
      if (context.attempt <= (work.failures ?? 0)) {
        throw work.code ? new SwarmchartError(work.code, 'as told') : new Error(`attempt ${context.attempt} failed as told`);
      }
      return work.value === undefined ? context.stepId : work.value;
    },
  });
  const { tools = [], ...rest } = options;
  const world = await startRuntime({ clock, carrier: promptCarrier(), tools: [tool('work'), tool('other'), ...tools], ...rest });
  const run = (steps: WorkflowDefinition['steps'], asked: RunOptions = {}, workflow: Partial<WorkflowDefinition> = {}) =>
    world.runtime.run({ id: 'wf', ...workflow, steps }, asked);

  /** Lets the time pass that the run needs, and checks what must hold of every run. */
  async function finish(handle: ExecutionHandle) {
    await clock.advanceAsync(HOUR);
    expect(['completed', 'failed', 'cancelled']).toContain(handle.status);
    const result = await handle.result();
    const facts = await world.checkInvariants(handle.executionId);
    return { result, facts };
  }

  return {
    ...world,
    clock,
    calls,
    run,
    finish,
    now: () => clock.now() - began,
    /** `step from-to`, in the order in which calls began. */
    timeline: () => calls.map(({ step, from, to }) => `${step} ${from}-${to}`),
    startsOf: (step: string) => calls.filter((call) => call.step === step).map(({ from }) => from),
    [Symbol.asyncDispose]: world[Symbol.asyncDispose],
  };
}

/** The run's state after each of its own facts. */
export function statesOf(facts: readonly Fact[]): RunState[] {
  let state: RunState = FRESH_RUN;
  return facts
    .filter(({ executionId, stream }) => executionId === stream)
    .map(({ type, at, payload }) => {
      state = evolveRun(state, { type, at, payload } as RunFact);
      return state;
    });
}

/** `type stepId` of each fact about a step that says how it went. */
export function storyOf(facts: readonly Fact[], type = /^tier2\/step\//): string[] {
  return facts
    .filter((fact) => type.test(fact.type))
    .map((fact) => `${fact.type.split('/').at(-1)} ${String((fact.payload as { stepId?: string }).stepId)}`);
}

/** The payload of the first fact of a type about a step. */
export function payloadOf(facts: readonly Fact[], type: string, stepId?: string): Record<string, unknown> {
  const found = facts.find(
    (fact) => fact.type === type && (stepId === undefined || (fact.payload as { stepId?: string }).stepId === stepId),
  );
  expect(found, `${type} of ${stepId ?? 'the run'}`).toBeDefined();
  return found?.payload as Record<string, unknown>;
}
