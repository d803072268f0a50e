/** What a supervisor is told, what it answers, and the facts of its life. */

import type { Issue } from './errors.ts';
import type { Json } from './execution.ts';
import type { FactBody } from './facts.ts';
import type { Backoff } from './plan.ts';

/**
 * Whom the end of one child concerns: only itself; all children; or itself and those that were started after it.
 * The others are stopped in reverse order, then all of them are started in order.
 */
export type RestartStrategy = 'one-for-one' | 'one-for-all' | 'rest-for-one';

/**
 * `permanent`: always started again. `transient`: only after a crash. `temporary`: never; it is forgotten as soon as it has ended,
 * also when a sibling's restart has stopped it.
 */
export type RestartType = 'permanent' | 'transient' | 'temporary';

/** `brutal`: forced at once. `infinity`: asked, and waited for. A number: asked, and forced after so many milliseconds. */
export type Shutdown = number | 'brutal' | 'infinity';

/** A child as plain data. */
export interface SupervisedSpec {
  /** Unique within the supervisor. */
  readonly id: string;
  /** Names the kind of the child among those that the supervisor's port knows. */
  readonly src: string;
  readonly restart: RestartType;
  readonly shutdown: Shutdown;
  readonly type: 'worker' | 'supervisor';
  /** Whether its end may shut the supervisor down. Never of a permanent child, which does not end. */
  readonly significant: boolean;
  readonly input: Json;
}

export interface SupervisorSpec {
  /** For people, in facts: the names of a tree's supervisors from its root, with slashes. */
  readonly name: string;
  readonly strategy: RestartStrategy;
  /** At most `maxRestarts` within any `withinMs` milliseconds; a restart that fails to start counts. One more and the supervisor escalates. */
  readonly intensity: { readonly maxRestarts: number; readonly withinMs: number };
  /** How long a child rests before it is started again. Without one it starts at once, as in OTP. */
  readonly backoff?: Backoff;
  /** Whether the supervisor stops when a significant child has ended on its own and is not restarted. */
  readonly autoShutdown: 'never' | 'any-significant' | 'all-significant';
  /** Started in this order, stopped in reverse. */
  readonly children: readonly SupervisedSpec[];
  /** Of a dynamic supervisor, which has no children of its own: any number of this one are started later. Its id begins theirs. */
  readonly template?: SupervisedSpec;
  /** Children that it may have; more are refused. */
  readonly maxChildren: number;
}

/** Source: none of the documents; OTP's own default is 1 in 5 s. */
export const DEFAULT_INTENSITY = { maxRestarts: 3, withinMs: 60_000 } as const;
export const DEFAULT_SHUTDOWN_MS = 5_000;
export const DEFAULT_MAX_CHILDREN = 100_000;

/** What a dynamic supervisor needs to start another child of its kind; the rest is its template's. */
export interface DynamicChild {
  /** @default the template's id and a number that was never used before */
  readonly id?: string;
  /** Instead of the template's. */
  readonly input?: Json;
}

/** Each is answered exactly once. */
export type SupervisorRequest =
  | { readonly type: 'supervisor.start_child'; readonly spec: SupervisedSpec | DynamicChild }
  | { readonly type: 'supervisor.terminate_child'; readonly id: string }
  | { readonly type: 'supervisor.restart_child'; readonly id: string }
  | { readonly type: 'supervisor.delete_child'; readonly id: string }
  | { readonly type: 'supervisor.which_children' }
  | { readonly type: 'supervisor.count_children' };

export type SupervisorCommand =
  | (SupervisorRequest & { readonly requestId: string; readonly at: number })
  /** Stops all children, then the supervisor. At any time; again, it is a no-op. */
  | { readonly type: 'supervisor.stop'; readonly at: number };

/**
 * Why a supervisor refused.
 *
 * - `ALREADY_STARTED`, `ALREADY_PRESENT`: the id is taken, by a child that runs, by one that does not.
 * - `NOT_FOUND`: no child has this id.
 * - `RUNNING`, `RESTARTING`: the child must be stopped first; it is about to be started again.
 * - `DYNAMIC`: a dynamic supervisor keeps no specifications to restart or delete; a terminated child is gone.
 * - `START_FAILED`: the child crashed, or ended, before it had started.
 * - `INVALID_SPEC`: the specification is wrong; the door says how.
 * - `RESOURCE_EXHAUSTED`: it has as many children as it may, or too many wait to be answered.
 * - `STOPPED`: the supervisor is stopping, or has stopped.
 */
export type SupervisorErrorCode =
  | 'ALREADY_STARTED'
  | 'ALREADY_PRESENT'
  | 'NOT_FOUND'
  | 'RUNNING'
  | 'RESTARTING'
  | 'DYNAMIC'
  | 'START_FAILED'
  | 'INVALID_SPEC'
  | 'RESOURCE_EXHAUSTED'
  | 'STOPPED';

export interface Cause {
  readonly name: string;
  readonly message: string;
}

/** `absent`: it has ended or was terminated, and its specification is kept. */
export type ChildStatus = 'absent' | 'starting' | 'running' | 'stopping' | 'restarting';

export interface ChildSummary {
  readonly id: string;
  readonly type: SupervisedSpec['type'];
  readonly status: ChildStatus;
}

export interface ChildCounts {
  /** Specifications; of a dynamic supervisor its template, 1. */
  readonly specs: number;
  /** Children that run. */
  readonly active: number;
  readonly supervisors: number;
  readonly workers: number;
}

/** Undefined as a child's id: it was started and had nothing to do, which is no failure. */
export type SupervisorValue = undefined | { readonly id: string | undefined } | readonly ChildSummary[] | ChildCounts;

export interface SupervisorError {
  readonly code: SupervisorErrorCode;
  readonly message: string;
  /** Of START_FAILED: what the child threw. */
  readonly cause?: Cause;
  /** Of INVALID_SPEC: every problem, with its path. */
  readonly issues?: readonly Issue[];
}

/** Either `ok` or `error` is there. Of a terminated or deleted child `ok` is undefined: then ask for `error`. */
export type SupervisorResult<Value = SupervisorValue> =
  | { readonly ok: Value; readonly error?: undefined }
  | { readonly error: SupervisorError; readonly ok?: undefined };

/** From a supervisor to the port that holds its children. */
export type SupervisedCommand =
  | { readonly type: 'child.start'; readonly id: string; readonly src: string; readonly incarnation: number; readonly input: Json }
  /** Asks it to stop. One that cannot be asked is stopped at once. */
  | { readonly type: 'child.stop'; readonly id: string; readonly incarnation: number }
  /** Stops it at once, and whatever it has left behind. */
  | { readonly type: 'child.kill'; readonly id: string; readonly incarnation: number }
  /** All of them at the same time. */
  | { readonly type: 'children.stop' }
  | { readonly type: 'children.kill' };

type OfLife<Type extends string, More = unknown> = {
  readonly type: Type;
  readonly id: string;
  readonly incarnation: number;
  readonly at: number;
} & More;

/** What becomes of a child: to a start there is one answer; of one that has started there is one end. */
export type StartReport =
  | OfLife<'child.started'>
  /** It has nothing to do, and does not live. */
  | OfLife<'child.ignored'>
  | OfLife<'child.failed', { readonly cause: Cause }>;
export type EndReport =
  | OfLife<'child.done'>
  | OfLife<'child.crashed', { readonly cause: Cause }>
  /** Stopped from outside, or because it was to. */
  | OfLife<'child.stopped'>;

export type EndReason = 'asked' | 'auto-shutdown' | 'intensity' | 'start-failed';

/** How a supervisor ended. An escalated one has failed: whoever supervises it acts. */
export interface SupervisorOutcome {
  readonly end: 'stopped' | 'escalated';
  readonly reason: EndReason;
  /** The child that was the reason. */
  readonly childId?: string;
  readonly cause?: Cause;
}

type OfChild<More = unknown> = { readonly id: string } & More;

export type SupervisorFact =
  | FactBody<'supervisor/starting', { readonly spec: SupervisorSpec }>
  /** All is done that was to be done: it hears of the next thing. */
  | FactBody<'supervisor/supervising', Readonly<Record<string, never>>>
  | FactBody<'supervisor/child_added', { readonly spec: SupervisedSpec }>
  | FactBody<'supervisor/child_starting', OfChild<{ readonly incarnation: number }>>
  | FactBody<'supervisor/child_started', OfChild<{ readonly incarnation: number }>>
  | FactBody<'supervisor/child_ignored', OfChild>
  | FactBody<'supervisor/child_start_failed', OfChild<{ readonly incarnation: number; readonly cause: Cause }>>
  | FactBody<
      'supervisor/child_stopping',
      OfChild<{ readonly incarnation: number; readonly how: 'asked' | 'forced'; readonly dueAt?: number }>
    >
  /** Its deadline has passed. */
  | FactBody<'supervisor/child_killed', OfChild<{ readonly incarnation: number }>>
  | FactBody<'supervisor/children_killed', Readonly<Record<string, never>>>
  | FactBody<
      'supervisor/child_ended',
      OfChild<{ readonly incarnation: number; readonly how: 'done' | 'crashed' | 'stopped'; readonly cause?: Cause }>
    >
  | FactBody<'supervisor/child_deleted', OfChild>
  | FactBody<'supervisor/restart_counted', OfChild<{ readonly restarts: number }>>
  /** The restart begins in a later turn: the child rests, or has failed to start and is tried again. */
  | FactBody<'supervisor/restart_put_off', OfChild<{ readonly dueAt: number }>>
  /** The restart begins: of this child, and of those that its end concerns. */
  | FactBody<'supervisor/restarting', OfChild>
  /** Of a dynamic supervisor: all its children are being stopped at the same time, or forced at `dueAt`. */
  | FactBody<'supervisor/stopping', SupervisorOutcome & { readonly dueAt?: number }>
  | FactBody<'supervisor/stopped', SupervisorOutcome>
  | FactBody<'supervisor/escalated', SupervisorOutcome>;
