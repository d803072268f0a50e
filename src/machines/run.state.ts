/** What is remembered of a run, and what it is before its first fact. */

import { List, Map as PersistentMap } from 'immutable';
import { NONE } from './ledger.ts';
import { emptyOrdinals, type OrdinalSet } from './ordinal-set.ts';
import type { Asked, Vote } from './protocol/decision.ts';
import type { ErrorClass } from './protocol/errors.ts';
import { type Amounts, type ExecutionError, type Json, NO_USAGE, type ResourceUsage, type StepStatus } from './protocol/execution.ts';
import type { FactOf, RunJob } from './protocol/run.ts';
import type { Answer, ResolvedWait } from './protocol/wait.ts';

export type RunPhase =
  | 'pending'
  | 'running'
  | 'pausing'
  | 'paused'
  | 'waiting'
  | 'cancelling'
  | 'failing'
  | 'compensating'
  | 'completed'
  | 'failed'
  | 'cancelled';

export interface StepRecord {
  readonly status: Exclude<StepStatus, 'compensating' | 'cancelling' | 'pausing'>;
  /** Dependencies that have not settled. */
  readonly blockedBy: number;
  /** Of a group: direct children that have not settled. */
  readonly openChildren: number;
  /** Of a group: direct children that may run now. */
  readonly activeChildren: number;
  /** Of a group with a cap: ranks of unblocked children that wait for their turn. */
  readonly queue?: OrdinalSet;
  readonly childExecutionId?: string;
  readonly iteration: number;
  /** Crashes of its children that were started again; each was another life of one of its executions. */
  readonly crashes: number;
  readonly attempts: number;
  readonly reserved: Amounts;
  /** The run's variables when it started, where they were no longer its input: a restart hands out the same. */
  readonly variables?: PersistentMap<string, Json>;
  /** Index of the fallback in force; behind the step's own there is that of the class `recovery`. */
  readonly fallback?: number;
  readonly recovery?: ErrorClass;
  /** Epoch of the pause that it is parked in. */
  readonly pausedIn: number;
  readonly branch?: 'then' | 'else';
  /** Its conditions were found to hold before it starts: as a run of its own, as a wait, or as a group whose conditions another run has asked. */
  readonly isAdmitted?: true;
  /** All that its child does waits for somebody outside. */
  readonly isWaiting: boolean;
  /** Of a wait that lives, and what it was told. */
  readonly waitsFor?: ResolvedWait;
  readonly answer?: Answer;
  /** Of a step that was escalated: who must decide, and until when. */
  readonly asked?: Asked;
  /** Answers that do not decide yet. */
  readonly votes?: readonly Vote[];
  /** Of a loop: iterations that ended, and the last one's result. */
  readonly loop?: { readonly iterations: number; readonly previous: Json };
  /** Whose result this is, when another run did it. */
  readonly reused?: FactOf;
  /** How its compensation ended. */
  readonly undone?: 'compensated' | 'failed';
  readonly startedAt: number;
  readonly settledAt: number;
  readonly output: Json;
  readonly error?: ExecutionError;
  /** A failure that fails what encloses the step. */
  readonly fatal: boolean;
  readonly usage: ResourceUsage;
}

export interface UndoFailure {
  readonly stepId: string;
  readonly code: string;
  readonly message: string;
}

export interface RunState {
  readonly phase: RunPhase;
  readonly at: number;
  readonly startedAt: number;
  readonly job?: RunJob;
  /** The input, and what was set since; `{{name}}` reads it. */
  readonly variables: PersistentMap<string, Json>;
  /** Variables were set since the start. */
  readonly hasNewVariables: boolean;
  readonly records: List<StepRecord>;
  /** Ranks of the steps that can start. */
  readonly ready: OrdinalSet;
  /** Steps with a living executor. */
  readonly live: number;
  /** Top-level steps that have not settled. */
  readonly open: number;
  /** Steps that never started, over all levels: the weight of the rest when the budget is split. */
  readonly unstarted: number;
  /** Steps that wait for a person. */
  readonly escalated: number;
  /** Steps with a living child that only waits for somebody outside. */
  readonly idle: number;
  /** Payloads of signals that nobody has taken, by name, the oldest first, and how many they are. */
  readonly signals: PersistentMap<string, readonly Json[]>;
  readonly keptSignals: number;
  /** Ranks of the steps that wait for a signal, by its name. */
  readonly listeners: PersistentMap<string, OrdinalSet>;
  /** Completed steps that declare a compensation; the last one is undone first. */
  readonly undo: List<number>;
  /** How the run ends once it has compensated. */
  readonly ending?: 'failed' | 'cancelled';
  /** The first compensations that failed, and how many did. */
  readonly undoFailures: readonly UndoFailure[];
  readonly undoFailed: number;
  /** Steps parked in the current pause. */
  readonly parked: number;
  readonly pauseEpoch: number;
  /** Epoch of whoever above it asked for the pause; 0 for a client. */
  readonly askedEpoch: number;
  /** When the run's time is up. */
  readonly dueAt: number;
  readonly remainingMs: number;
  readonly activeMs: number;
  readonly activeSince: number;
  /** Promised to the children that live. */
  readonly reserved: Amounts;
  readonly usage: ResourceUsage;
  /** The first cause why the run must fail. */
  readonly failure?: ExecutionError;
  readonly reason?: string;
  readonly result: Json;
}

export const FRESH_RUN: RunState = {
  phase: 'pending',
  at: 0,
  startedAt: 0,
  variables: PersistentMap(),
  hasNewVariables: false,
  records: List(),
  ready: emptyOrdinals(0),
  live: 0,
  open: 0,
  unstarted: 0,
  escalated: 0,
  idle: 0,
  signals: PersistentMap(),
  keptSignals: 0,
  listeners: PersistentMap(),
  undo: List(),
  undoFailures: [],
  undoFailed: 0,
  parked: 0,
  pauseEpoch: 0,
  askedEpoch: 0,
  dueAt: 0,
  remainingMs: 0,
  activeMs: 0,
  activeSince: 0,
  reserved: NONE,
  usage: NO_USAGE,
  result: null,
};

export const BLANK: StepRecord = {
  status: 'pending',
  blockedBy: 0,
  openChildren: 0,
  activeChildren: 0,
  iteration: 0,
  crashes: 0,
  attempts: 0,
  reserved: NONE,
  pausedIn: 0,
  isWaiting: false,
  startedAt: 0,
  settledAt: 0,
  output: null,
  fatal: false,
  usage: NO_USAGE,
};

/** Signals that a run keeps until somebody takes them. */
export const MOST_SIGNALS = 1_000;

/**
 * Nothing of it can go on unless somebody outside acts: a person, a signal, a time. Steps that wait keep their places and their budget.
 *
 * @param isHeldUp Whether the next step that is ready must wait for what others hold.
 */
export function onlyOutsideCanContinue({ escalated, idle, live, ready, job }: RunState, isHeldUp: () => boolean): boolean {
  if (escalated + idle === 0 || live !== idle) return false;
  const isFull = job !== undefined && live >= job.allocation.maxConcurrentSteps;
  return ready.size === 0 || isFull || isHeldUp();
}
