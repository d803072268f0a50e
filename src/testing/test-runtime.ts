/** A runtime for tests: its own virtual clock, its own ids, a journal that can be read, and nothing left behind at its end. */

import { MailQueue } from '../actors/post-office.ts';
import type { AnyTool } from '../actors/tool.ts';
import { createRuntime, type Runtime } from '../create-runtime.ts';
import type { ExecutionResult, Json } from '../machines/protocol/execution.ts';
import type { Fact } from '../machines/protocol/facts.ts';
import { MemoryJournal } from '../runtime/journal/memory-journal.ts';
import type { RuntimeOptions } from '../runtime/options.ts';
import { settlePromises, VirtualClock } from './virtual-clock.ts';

export interface TestRuntime extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly clock: VirtualClock;
  /** The facts of a run, a swarm or whatever else has a stream of that name, in order. */
  factsOf(executionId: string): Promise<readonly Fact[]>;
  /** Lets the clock run until the execution has ended; undefined when nothing can happen before `withinMs` that would end it. */
  resultOf<Result>(
    execution: { result(): Promise<ExecutionResult<Result>> },
    options?: { readonly withinMs?: number },
  ): Promise<ExecutionResult<Result> | undefined>;
}

const A_DAY_MS = 86_400_000;

/** Executions are called `run-1`, `run-2` and so on. At its end it throws when an execution or a timer of the runtime is left. */
export async function startTestRuntime(options: Omit<RuntimeOptions, 'clock' | 'journal' | 'carrier'> = {}): Promise<TestRuntime> {
  const clock = new VirtualClock();
  const journal = new MemoryJournal();
  let ids = 0;
  const carrier = new MailQueue(Number.POSITIVE_INFINITY);
  const runtime = await createRuntime({ createId: () => `run-${++ids}`, ...options, clock, journal, carrier });
  return {
    runtime,
    clock,
    factsOf: (executionId) => journal.read(executionId),
    resultOf: async (execution, { withinMs = A_DAY_MS } = {}) => {
      let ended: Awaited<ReturnType<typeof execution.result>> | undefined;
      void execution.result().then((result) => {
        ended = result;
      });
      const end = clock.now() + withinMs;
      await settlePromises();
      while (!ended && (clock.nextDueAt ?? Number.POSITIVE_INFINITY) <= end) {
        clock.fireNext();
        await settlePromises();
      }
      return ended;
    },
    [Symbol.asyncDispose]: async () => {
      await runtime.stop({ graceMs: 0 });
      const { executions, actorsWithTimers } = runtime.vitals;
      if (executions + actorsWithTimers + clock.pending > 0)
        throw new Error(`left behind: ${executions} executions, ${actorsWithTimers} actors with timers, ${clock.pending} timers`);
    },
  };
}

/** One call of a recorded tool. */
export interface RecordedCall {
  readonly parameters: Json;
  readonly executionId: string;
  readonly stepId: string;
  readonly attempt: number;
}

/** What a recorded tool answers to one call: a value, an error that it throws, or what makes either of the parameters. */
export type Answer = Json | Error | ((parameters: Json) => Json | Error);

/** A tool that gives these answers in turn, the last one for ever, and notes its calls. Without answers it returns its parameters. */
export function recordedTool(name: string, answers: readonly Answer[] = [], more: Partial<AnyTool> = {}) {
  const calls: RecordedCall[] = [];
  const tool: AnyTool = {
    name,
    ...more,
    run: (parameters: Json, { execution, stepId, attempt }) => {
      const answer = answers[Math.min(calls.length, answers.length - 1)];
      calls.push({ parameters, executionId: execution.executionId, stepId, attempt });
      const given = typeof answer === 'function' ? answer(parameters) : answer;
      if (given instanceof Error) throw given;
      return given === undefined ? parameters : given;
    },
  };
  return { tool, calls: calls as readonly RecordedCall[] };
}
