/** Runs one workflow or swarm from the command line: follows its facts, obeys signals, and says how it ended. */

import type { Runtime } from '../create-runtime.ts';
import { executionError } from '../machines/protocol/errors.ts';
import type { ExecutionError, ExecutionResult, Json, ResourceUsage } from '../machines/protocol/execution.ts';
import type { Fact } from '../machines/protocol/facts.ts';
import type { ExecutionHandle } from '../runtime/execution/handle.ts';
import type { People } from './control/people.ts';
import { Deadline } from './deadline.ts';
import { oneLine, type Signal, shellWord } from './outcome.ts';
import type { Board } from './progress/board.ts';
import type { Progress } from './progress/progress.ts';
import type { Terminal } from './terminal.ts';

/** What is run, a workflow or a swarm, with its input. */
export interface Job {
  readonly kind: 'workflow' | 'swarm';
  /** Its id. */
  readonly name: string;
  /** Steps of the workflow; of a swarm, whose tasks are planned when it runs, unknown. */
  readonly size?: number;
  start(runtime: Runtime, options: StartOptions): Started;
}

export interface StartOptions {
  readonly options?: { readonly timeout: number };
  readonly context?: { readonly executionId: string };
}

type Started = Pick<ExecutionHandle, 'executionId' | 'facts' | 'cancel' | 'result'>;

export interface Run {
  readonly runtime: Runtime;
  readonly job: Job;
  /** Milliseconds for the whole run. */
  readonly timeout: number | undefined;
  /** Who may answer; without them a run that waits for a person is left there. */
  readonly people?: People | undefined;
}

export interface Ending {
  readonly executionId: string;
  readonly kind: Job['kind'];
  readonly name: string;
  /** `waiting` and `paused`: somebody else has to act before it goes on, and it was left there. */
  readonly status: ExecutionResult['status'] | 'waiting' | 'paused';
  readonly result: Json;
  readonly error: ExecutionError | null;
  readonly resourcesUsed: ResourceUsage | null;
  readonly duration: number;
  /** That ended it. */
  readonly signal?: Signal;
  /** Its time was up while it waited, or after it had: the runtime's own limit does not count that time. */
  readonly isExpired?: boolean;
  /** User code threw where nobody could catch it. */
  readonly hasStrays: boolean;
}

interface Watchers {
  readonly board: Board;
  readonly progress: Progress;
  /** Resolves when it can take the next one. */
  readonly onFact: (fact: Fact) => Promise<void>;
}

/** Resolves when the run is over and the runtime has stopped; rejects with what user code threw past everybody. */
export async function execute({ runtime, job, timeout, people }: Run, terminal: Terminal, watchers: Watchers): Promise<Ending> {
  const { board, progress } = watchers;
  let isOver = false;
  const hear = async (fact: Fact): Promise<void> => {
    if (isOver) return;
    const news = board.hear(fact);
    const question = people?.hear(fact);
    const command = question === undefined ? [] : [`swarmchart approve ${shellWord(question)}`];
    if (news) progress.tell({ ...news, detail: [...command, news.detail].filter(Boolean).join('  ') });
    await watchers.onFact(fact);
  };
  // What happens to agents is no fact of the execution: it reaches their pool, which serves every swarm.
  const agents = runtime.events.subscribe('agent/*', hear);
  if (people) people.tell = (trouble) => progress.note(`warn: ${oneLine(trouble)}`);
  const execution = job.start(runtime, {
    ...(timeout !== undefined && { options: { timeout } }),
    ...(people && { context: { executionId: people.executionId } }),
  });
  const tier = job.kind === 'swarm' ? 'tier1' : 'tier2';
  const halted = Promise.withResolvers<Pick<Ending, 'status' | 'error'>>();
  let signal: Signal | undefined;
  let hasStrays = false;

  const cancel = (reason: string): void => {
    execution.cancel(reason).catch((error: Error) => progress.note(`The run could not be cancelled: ${oneLine(error.message)}`));
  };
  const deadline = new Deadline(timeout, cancel);
  const deaf = terminal.onSignal((received) => {
    if (signal !== undefined) {
      halted.resolve({ status: 'cancelled', error: executionError('RUNTIME_STOPPED', `Stopped at once by a second ${received}`, tier) });
      return;
    }
    signal = received;
    progress.note(`${received}: cancelling the run; a second signal stops it at once`);
    cancel(received);
  });
  const blind = terminal.onStray((stray, isRejection) => {
    hasStrays = true;
    const thrown = runtime.scrub(stray);
    const message = oneLine(thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown));
    if (isRejection) progress.note(`Nobody handled a rejected promise: ${message}`);
    else halted.reject(thrown);
  });

  const follow = async (): Promise<void> => {
    for await (const fact of execution.facts()) {
      if (isOver) return;
      await hear(fact);
      const isOwn = fact.executionId === execution.executionId;
      if (isOwn && isWaiting(fact)) deadline.waits();
      const status = isOwn ? leftAs(fact, board, people) : undefined;
      if (status && signal === undefined) halted.resolve({ status, error: null });
    }
  };

  try {
    const left = await Promise.race([follow(), halted.promise]);
    isOver = true;
    const ids = { executionId: execution.executionId, kind: job.kind, name: job.name, hasStrays };
    if (left) return { ...ids, ...left, result: null, resourcesUsed: null, duration: board.elapsed, ...(signal && { signal }) };
    const { status, result = null, error = null, resourcesUsed, duration } = await execution.result();
    const cause = status !== 'cancelled' ? {} : signal ? { signal } : { isExpired: deadline.hasExpired };
    return { ...ids, status, result, error, resourcesUsed, duration, ...cause };
  } finally {
    isOver = true;
    deadline.stop();
    agents.unsubscribe();
    deaf();
    blind();
    await people?.[Symbol.asyncDispose]();
    await progress.stop();
    await runtime.stop({ graceMs: signal === undefined ? 1_000 : 0 });
  }
}

/** Whether, after this fact of its own, an execution waits for somebody who will not come. A timer will wake it, and so may people who are asked. */
function leftAs(fact: Fact, board: Board, people: People | undefined): 'waiting' | 'paused' | undefined {
  if (fact.type === 'tier1/swarm/paused' || fact.type === 'tier2/routine/paused') return 'paused';
  return isWaiting(fact) && board.timers === 0 && !people?.areAsked ? 'waiting' : undefined;
}

const isWaiting = ({ type }: Fact): boolean => type === 'tier1/swarm/waiting' || type === 'tier2/routine/waiting';
