/** Runs one workflow from the command line: follows its facts, obeys signals, and says how it ended. */

import type { Runtime } from '../create-runtime.ts';
import { executionError } from '../machines/protocol/errors.ts';
import type { ExecutionError, ExecutionResult, Json, JsonObject, ResourceUsage } from '../machines/protocol/execution.ts';
import type { Fact } from '../machines/protocol/facts.ts';
import type { LoadedWorkflow } from '../runtime/workflow/load.ts';
import { oneLine, type Signal } from './outcome.ts';
import type { Progress } from './progress/progress.ts';
import type { StepBoard } from './progress/step-board.ts';
import type { Terminal } from './terminal.ts';

export interface Run {
  readonly runtime: Runtime;
  readonly workflow: LoadedWorkflow;
  readonly input: JsonObject;
  /** Milliseconds for the whole run. */
  readonly timeout: number | undefined;
}

export interface Ending {
  readonly executionId: string;
  readonly workflow: string;
  /** `waiting` and `paused`: somebody else has to act before it goes on, and it was left there. */
  readonly status: ExecutionResult['status'] | 'waiting' | 'paused';
  readonly result: Json;
  readonly error: ExecutionError | null;
  readonly resourcesUsed: ResourceUsage | null;
  readonly duration: number;
  /** That ended it. */
  readonly signal?: Signal;
  /** User code threw where nobody could catch it. */
  readonly hasStrays: boolean;
}

interface Watchers {
  readonly board: StepBoard;
  readonly progress: Progress;
  /** Resolves when it can take the next one. */
  readonly onFact: (fact: Fact) => Promise<void>;
}

/** Resolves when the run is over and the runtime has stopped; rejects with what user code threw past everybody. */
export async function execute(run: Run, terminal: Terminal, watchers: Watchers): Promise<Ending> {
  const { runtime, workflow, timeout } = run;
  const { board, progress } = watchers;
  const execution = runtime.run(workflow, { input: run.input, ...(timeout !== undefined && { options: { timeout } }) });
  const halted = Promise.withResolvers<Pick<Ending, 'status' | 'error'>>();
  let signal: Signal | undefined;
  let hasStrays = false;
  let isOver = false;

  const deaf = terminal.onSignal((received) => {
    if (signal !== undefined) {
      halted.resolve({ status: 'cancelled', error: executionError('RUNTIME_STOPPED', `Stopped at once by a second ${received}`, 'tier2') });
      return;
    }
    signal = received;
    progress.note(`${received}: cancelling the run; a second signal stops it at once`);
    execution.cancel(received).catch((error: Error) => progress.note(`The run could not be cancelled: ${oneLine(error.message)}`));
  });
  const blind = terminal.onStray((thrown, isRejection) => {
    hasStrays = true;
    const message = oneLine(thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown));
    if (isRejection) progress.note(`Nobody handled a rejected promise: ${message}`);
    else halted.reject(thrown);
  });

  const follow = async (): Promise<void> => {
    for await (const fact of execution.facts()) {
      if (isOver) return;
      const news = board.hear(fact);
      if (news) progress.tell(news);
      await watchers.onFact(fact);
      const isLeft = fact.type === 'tier2/routine/waiting' || fact.type === 'tier2/routine/paused';
      if (isLeft && signal === undefined) halted.resolve({ status: fact.type.endsWith('paused') ? 'paused' : 'waiting', error: null });
    }
  };

  try {
    const left = await Promise.race([follow(), halted.promise]);
    isOver = true;
    const ids = { executionId: execution.executionId, workflow: workflow.plan.id, hasStrays };
    if (left) return { ...ids, ...left, result: null, resourcesUsed: null, duration: board.elapsed, ...(signal && { signal }) };
    const { status, result = null, error = null, resourcesUsed, duration } = await execution.result();
    return { ...ids, status, result, error, resourcesUsed, duration, ...(signal && status === 'cancelled' && { signal }) };
  } finally {
    isOver = true;
    deaf();
    blind();
    await progress.stop();
    await runtime.stop({ graceMs: signal === undefined ? 1_000 : 0 });
  }
}
