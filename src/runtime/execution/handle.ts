/** What the caller holds of an execution: its facts, its result, its controls. */

import { copyOf, frozen } from '../../actors/json.ts';
import type { Decision } from '../../machines/protocol/decision.ts';
import type { ExecutionContext, ExecutionResult, ExecutionStatus, Json } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { ObligationAnswer } from '../../machines/protocol/swarm.ts';
import type { Progress } from './progress.ts';
import type { ExecutionSnapshot } from './snapshot.ts';
import type { SwarmSnapshot } from './swarm-snapshot.ts';

/** The calls that resolve with a boolean: `true` when accepted (also when already so), `false` when the execution is settled or on its way there. */
export interface Controls {
  readonly executionId: string;
  pause(): Promise<boolean>;
  /** `false` also for what belongs to a run or a swarm that is paused: it goes on with that. */
  resume(): Promise<boolean>;
  cancel(reason?: string): Promise<boolean>;
}

export interface RunControls extends Controls {
  /** What is true of the execution and of each step, as far as it is committed. */
  snapshot(): Promise<ExecutionSnapshot>;
  /** Sets a variable that steps started from now on read as `{{name}}`. The value must survive JSON (INVALID_OUTPUT otherwise), the name be a text (INVALID_INPUT) and safe (UNSAFE_KEY). */
  setVariable(name: string, value: Json): Promise<boolean>;
  /**
   * Answers for a step that was escalated or waits for an approval; `false` when no such step waits, or this person has answered already. Where
   * a quorum is asked for, it decides once so many people have said the same. An approval's result is `value`, true without one; it cannot be
   * retried. Rejects with NOT_PERMITTED for another role than the one that is asked for.
   */
  decide(stepId: string, decision: Decision): Promise<boolean>;
  /**
   * Sends a signal to the steps of this very run, not to those of nested ones. It is kept until a step waits for it; each goes to one step, the
   * oldest first. `false` also when 1,000 are kept already. The payload must survive JSON (INVALID_INPUT otherwise).
   */
  signal(name: string, payload?: Json): Promise<boolean>;
  /** The controls of the run that a step is at present; undefined while it is none. */
  run(stepId: string): RunControls | undefined;
}

interface Handle<Result> extends Controls {
  readonly context: ExecutionContext;
  readonly status: ExecutionStatus;
  /**
   * Every committed fact of the execution and its children, from the first, then live until the execution has settled.
   * May be iterated any number of times. Facts wait in the journal, not in memory of this iterator.
   */
  facts(): AsyncIterable<Fact>;
  /** How far it is, from the first fact on and then live until it has settled: said whenever that, its status or that of one of its steps changes. */
  progress(): AsyncIterable<Progress>;
  /** Resolves when the terminal fact is committed. Never rejects. */
  result(): Promise<ExecutionResult<Result>>;
}

export interface ExecutionHandle<Result = Json> extends Handle<Result>, RunControls {}

export interface SwarmHandle<Result = Json> extends Handle<Result> {
  /** What is true of the swarm and of each task, as far as it is committed. */
  snapshot(): Promise<SwarmSnapshot>;
  /** The controls of a task's run; undefined while it has none. */
  run(taskId: string): RunControls | undefined;
  /**
   * Answers for an obligation that was not met in time: `approve` waives it, `retry` grants the same time again, `reject` fails the swarm,
   * `abort` cancels it. `false` when no such obligation waits.
   */
  decide(normId: string, decision: ObligationAnswer): Promise<boolean>;
  /**
   * Answers for a task that no agent could do, where the swarm's `escalation` asks people: `approve` makes `value` its result, `retry` has any agent
   * try it again, `reject` fails it, `abort` cancels the swarm. `false` when no such task waits, or this person has answered already. Rejects with
   * NOT_PERMITTED for another role than the one that is asked for.
   */
  decideTask(taskId: string, decision: Decision): Promise<boolean>;
}

/** One root execution, from its start until its result is out. */
export class Execution {
  readonly context: ExecutionContext;
  readonly #settled = Promise.withResolvers<ExecutionResult>();
  readonly #started = Promise.withResolvers<void>();
  #result: ExecutionResult | undefined;
  /** Wakes readers of the stream when there is more. */
  #news: PromiseWithResolvers<void> | undefined;

  constructor(context: ExecutionContext) {
    this.context = context;
  }

  get settledResult(): ExecutionResult | undefined {
    return this.#result;
  }

  /** Resolves when its actor lives. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  start(): void {
    this.#started.resolve();
  }

  result(): Promise<ExecutionResult> {
    return this.#settled.promise;
  }

  /** The caller gets a result of its own: what it does with it is not seen by the facts that say the same. */
  settle(given: ExecutionResult): void {
    if (this.#result) return;
    const result = copyOf(given as unknown as Json) as unknown as ExecutionResult;
    this.#result = result;
    this.#settled.resolve(result);
    this.announce();
  }

  announce(): void {
    this.#news?.resolve();
    this.#news = undefined;
  }

  async *facts(read: (from: number) => Promise<readonly Fact[]>): AsyncGenerator<Fact> {
    for (let next = 1; ; ) {
      this.#news ??= Promise.withResolvers<void>();
      const news = this.#news.promise;
      const isSettled = this.#result !== undefined;
      const facts = (await read(next)).map(frozen);
      yield* facts;
      next += facts.length;
      if (facts.length > 0) continue;
      if (isSettled) return;
      await news;
    }
  }
}
