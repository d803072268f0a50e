/** Follows one execution from the command line: its facts, the signals meanwhile, and how it ended. */

import { setImmediate } from 'node:timers/promises';
import type { Runtime } from '../create-runtime.ts';
import { executionError } from '../machines/protocol/errors.ts';
import type { ExecutionError, ExecutionResult, ExecutionStatus, Json, ResourceUsage } from '../machines/protocol/execution.ts';
import type { Fact } from '../machines/protocol/facts.ts';
import type { ExecutionHandle } from '../runtime/execution/handle.ts';
import type { People } from './control/people.ts';
import { Deadline } from './deadline.ts';
import { oneLine, type Signal, shellWord } from './outcome.ts';
import type { Board } from './progress/board.ts';
import type { News } from './progress/news.ts';
import type { Progress } from './progress/progress.ts';
import type { Terminal } from './terminal.ts';

/** What is run, a workflow or a swarm, with its input; or an execution of the journal that goes on. */
export interface Job {
  readonly kind: 'workflow' | 'swarm' | 'step';
  /** Its id. */
  readonly name: string;
  /** Steps of the workflow; of a swarm, whose tasks are planned when it runs, unknown. */
  readonly size?: number;
  /** What it has behind it. */
  readonly past?: Past;
  start(runtime: Runtime, options: StartOptions): Started | Promise<Started>;
}

/** Facts up to this number are old; then it stood so. */
export interface Past {
  readonly executionId: string;
  readonly seq: number;
  readonly status: ExecutionStatus;
}

export interface StartOptions {
  readonly options?: { readonly timeout: number };
  readonly context: { readonly executionId: string };
}

type Started = Pick<ExecutionHandle, 'executionId' | 'facts' | 'cancel' | 'result'>;

/** A durable journal. */
export interface Kept {
  /** For a command about it: ` --journal other.db`, empty for the one of the folder. */
  readonly option: string;
}

/** What the run is part of. */
export interface Surroundings {
  readonly runtime: Runtime;
  /** What has not ended goes on from there; without, it ends with the process. */
  readonly kept: Kept | undefined;
  /** Nothing new begins; what is under way may end in time. Called again, the time is the shorter one. */
  drain(graceMs: number): Promise<void>;
}

export interface Run extends Surroundings {
  readonly job: Job;
  readonly executionId: string;
  /** Milliseconds for the whole run. */
  readonly timeout: number | undefined;
  /** Who may reach it. */
  readonly people?: People | undefined;
  /** Without, a run that waits for a person is left there. */
  readonly waitsForPeople: boolean;
}

export interface Ending {
  readonly executionId: string;
  readonly kind: Job['kind'];
  readonly name: string;
  /**
   * `waiting` and `paused`: somebody else has to act before it goes on, and it was left there. `interrupted`: this process had to end.
   * Without a journal they are its end.
   */
  readonly status: ExecutionResult['status'] | 'waiting' | 'paused' | 'interrupted';
  readonly result: Json;
  readonly error: ExecutionError | null;
  readonly resourcesUsed: ResourceUsage | null;
  readonly duration: number;
  readonly kept: Kept | undefined;
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

/** How long a run may go on with what is under way when its process has to end. */
const DRAIN_MS = 10_000;

/** Resolves when the run is over, or left; rejects with what user code threw past everybody. The runtime still stands then. */
export async function execute(run: Run, terminal: Terminal, watchers: Watchers): Promise<Ending> {
  const { runtime, kept, job, executionId, timeout, people, waitsForPeople } = run;
  const { board, progress } = watchers;
  const { past } = job;
  let isOver = false;
  const tell = (news: News, question: string | undefined): void => {
    const command = question === undefined || !waitsForPeople ? [] : [`swarmchart approve ${shellWord(question)}`];
    progress.tell({ ...news, detail: [...command, news.detail].filter(Boolean).join('  ') });
  };
  const hear = async (fact: Fact): Promise<void> => {
    if (isOver) return;
    const news = board.hear(fact);
    const question = people?.hear(fact);
    if (past && fact.stream === executionId && fact.seq <= past.seq) return;
    if (news) tell(news, question);
    await watchers.onFact(fact);
  };
  // What happens to agents is no fact of the execution: it reaches their pool, which serves every swarm.
  const agents = runtime.events.subscribe('agent/*', hear);
  if (people) people.tell = (trouble) => progress.note(`warn: ${oneLine(trouble)}`);
  const tier = job.kind === 'swarm' ? 'tier1' : 'tier2';
  const halted = Promise.withResolvers<Pick<Ending, 'status' | 'error'>>();
  let signal: Signal | undefined;
  let hasStrays = false;
  let execution: Started | undefined;

  const cancel = (reason: string): void => {
    execution?.cancel(reason).catch((error: Error) => progress.note(`The run could not be cancelled: ${oneLine(error.message)}`));
  };
  const drain = async (): Promise<void> => {
    await run.drain(DRAIN_MS);
    // What ended in time is over, and told as ever.
    const result = await Promise.race([execution?.result(), setImmediate()]);
    if (!result || isLeftBehind(result)) halted.resolve(INTERRUPTED);
  };
  const deadline = new Deadline(timeout, cancel);
  const deaf = terminal.onSignal((received) => {
    if (signal !== undefined) {
      const error = executionError('RUNTIME_STOPPED', `Stopped at once by a second ${received}`, tier);
      halted.resolve(kept ? INTERRUPTED : { status: 'cancelled', error });
      return;
    }
    signal = received;
    const isLeft = kept && received !== 'SIGINT';
    progress.note(`${received}: ${isLeft ? LEAVING : 'cancelling the run'}; a second signal stops it at once`);
    if (isLeft) drain().catch(halted.reject);
    else cancel(received);
  });
  const blind = terminal.onStray((stray, isRejection) => {
    hasStrays = true;
    const thrown = runtime.scrub(stray);
    const message = oneLine(thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown));
    if (isRejection) progress.note(`Nobody handled a rejected promise: ${message}`);
    else {
      if (kept) progress.note(`The run is left in the journal: swarmchart resume ${shellWord(executionId)}${kept.option}`);
      halted.reject(thrown);
    }
  });
  const leaveIf = (status: 'waiting' | 'paused' | undefined): void => {
    if (status === undefined || signal !== undefined) return;
    const isAwaited = status === 'waiting' && (board.timers > 0 || (waitsForPeople && (people?.askedIn(executionId).length ?? 0) > 0));
    if (!isAwaited) halted.resolve({ status, error: null });
  };

  const follow = async (started: Started): Promise<void> => {
    for await (const fact of started.facts()) {
      if (isOver) return;
      await hear(fact);
      if (past && fact.seq <= past.seq) continue;
      const isBack = past !== undefined && fact.seq === past.seq + 1;
      if (isBack) for (const news of board.standing()) tell(news, questionOf(news, people?.askedIn(executionId) ?? []));
      const status = isBack ? atRest(past.status) : fact.executionId === executionId ? restIn(fact) : undefined;
      if (status === 'waiting') deadline.waits();
      leaveIf(status);
    }
  };

  try {
    execution = await job.start(runtime, { ...(timeout !== undefined && { options: { timeout } }), context: { executionId } });
    if (signal === 'SIGINT') cancel(signal);
    const left = await Promise.race([follow(execution), halted.promise]);
    isOver = true;
    const ids = { executionId, kind: job.kind, name: job.name, kept, hasStrays };
    if (left) return { ...ids, ...left, result: null, resourcesUsed: null, duration: board.elapsed, ...(signal && { signal }) };
    const outcome = await execution.result();
    const { status, result = null, error = null, resourcesUsed, duration } = outcome;
    if (kept && isLeftBehind(outcome)) {
      return { ...ids, ...INTERRUPTED, result, resourcesUsed: null, duration: board.elapsed, ...(signal && { signal }) };
    }
    const cause = status !== 'cancelled' ? {} : signal ? { signal } : { isExpired: deadline.hasExpired };
    return { ...ids, status, result, error, resourcesUsed, duration, ...cause };
  } finally {
    isOver = true;
    deadline.stop();
    agents.unsubscribe();
    deaf();
    blind();
  }
}

/** No fact says that it ended: the runtime did. */
const isLeftBehind = ({ error }: ExecutionResult): boolean => error?.code === 'RUNTIME_STOPPED';

const LEAVING = `what is under way may end within ${DRAIN_MS / 1_000} s, and the run stays in the journal`;

const INTERRUPTED = { status: 'interrupted', error: null } as const;

/** What is asked about a step, a task or a norm that waits. */
const questionOf = ({ kind, key }: News, asked: readonly string[]): string | undefined =>
  kind === 'waiting' ? asked.find((id) => id === key || key === `norm/${id.slice(id.indexOf('/') + 1)}`) : undefined;

/** Whether, after this fact of its own, an execution waits for somebody else to act. */
function restIn({ type }: Fact): 'waiting' | 'paused' | undefined {
  if (type === 'tier1/swarm/paused' || type === 'tier2/routine/paused') return 'paused';
  return type === 'tier1/swarm/waiting' || type === 'tier2/routine/waiting' ? 'waiting' : undefined;
}

/** A run that was paused goes on when it is resumed. */
const atRest = (status: ExecutionStatus): 'waiting' | undefined => (status === 'waiting' ? status : undefined);
