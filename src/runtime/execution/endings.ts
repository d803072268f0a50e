/** How root executions end: with what their actor says, with its crash, or without a word of it when nothing of them can go on. */

import type { EventObject } from 'xstate';
import { asCause } from '../../actors/failure.ts';
import type { Logger } from '../../actors/tool.ts';
import type { CommitParams } from '../../machines/effects.ts';
import { executionError } from '../../machines/protocol/errors.ts';
import {
  type ExecutionContext,
  type ExecutionError,
  type ExecutionResult,
  NO_USAGE,
  type ResourceUsage,
  type Tier,
} from '../../machines/protocol/execution.ts';
import type { ChildReport, RunJob } from '../../machines/protocol/run.ts';
import type { StepJob, TimedOutcome } from '../../machines/protocol/step.ts';
import type { RunOutcome } from '../../machines/run.decisions.ts';
import type { Journal } from '../journal/journal.ts';
import { failedResult, toResult } from './result.ts';
import type { Root, Roots } from './roots.ts';

const FAILED_FACTS = {
  tier1: 'tier1/swarm/coordination_failed',
  tier2: 'tier2/routine/failed',
  tier3: 'tier3/execution/failed',
} as const satisfies Record<Tier, string>;

type RootReport = ChildReport<RunOutcome | TimedOutcome> | EventObject;

export interface EndingServices {
  readonly roots: Roots;
  readonly log: Logger;
  readonly journal: Journal;
  /** Hears of each root of which nothing goes on: its actor is to be stopped. */
  readonly abandoned: (executionId: string) => void;
}

export class Endings {
  readonly #services: EndingServices;

  constructor(services: EndingServices) {
    this.#services = services;
  }

  /** What the nursery of all roots reports. */
  hear(message: RootReport): void {
    if (message.type !== 'child.done' && message.type !== 'child.crashed') return;
    const report = message as Extract<ChildReport<RunOutcome | TimedOutcome>, { type: 'child.done' | 'child.crashed' }>;
    const root = this.#services.roots.get(report.id);
    if (!root) return;
    if (report.type === 'child.done') {
      void this.#settle(root, toResult(report.output, root.tier, root.execution.context));
      return;
    }
    const error = executionError('ACTOR_CRASHED', `Execution "${report.id}" crashed: ${report.cause.message}`, root.tier, {
      cause: report.cause,
    });
    this.#services.log.error({ execution: report.id, cause: report.cause }, 'an execution crashed');
    const { usage = NO_USAGE, at } = report;
    this.#services.roots.bury(root.execution.context, error, at);
    root.stream.record({
      execution: root.execution.context,
      tier: root.tier,
      facts: [{ type: FAILED_FACTS[root.tier], at, payload: { ...lastWordsOf(root), error, usage } }],
    });
    void this.#settle(root, { ...failedResult(error, root.execution.context), resourcesUsed: usage });
  }

  async #settle({ execution, stream }: Root, result: ExecutionResult): Promise<void> {
    const { executionId } = execution.context;
    try {
      await stream.committed();
    } catch {
      // The stream has failed, and with that the execution was abandoned.
      return;
    }
    this.#services.roots.delete(executionId);
    execution.settle(result);
  }

  /** A stream that cannot be written, or a runtime that stops: nothing of this execution goes on. */
  abandon(executionId: string, error: ExecutionError): void {
    const root = this.#services.roots.get(executionId);
    if (!root) return;
    this.#services.roots.delete(executionId);
    root.execution.start();
    this.#services.abandoned(executionId);
    root.execution.settle(failedResult(error, root.execution.context));
  }

  /** Resolves, never rejects, with what an execution had used that crashed; undefined when nothing of its root goes on. */
  async fell(execution: ExecutionContext): Promise<ResourceUsage | undefined> {
    try {
      return await this.#services.roots.fell(execution, (stream) => this.#services.journal.read(stream));
    } catch (thrown) {
      const [root = ''] = execution.executionId.split('/', 1);
      this.abandon(
        root,
        executionError('JOURNAL_FAILED', `After a crash the facts of "${root}" cannot be read: ${asCause(thrown).message}`, 'tier2'),
      );
      return undefined;
    }
  }

  /** The last word about an execution that crashed, by whoever supervises it. */
  bury({ execution, facts: [last] }: CommitParams): void {
    const { error } = (last?.payload ?? {}) as { readonly error?: ExecutionError };
    if (last && error) this.#services.roots.bury(execution, error, last.at);
  }
}

/** What the last fact of a root says beside its error and its usage. */
function lastWordsOf({ tier, spec }: Root): object {
  const { job } = spec.input as { readonly job: RunJob | StepJob };
  if (tier === 'tier2') return { routineId: (job as RunJob).plan.id };
  return tier === 'tier3' ? { stepId: (job as StepJob).stepId, attempts: 1 } : {};
}
