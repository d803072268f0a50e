/** What a run is told, what it hears from its children, and the facts of tier 2. */

import type { ControlCommand, ControlReport } from './control.ts';
import type { Asked, Decision, Vote } from './decision.ts';
import type { ErrorClass } from './errors.ts';
import type { Amounts, ExecutionContext, ExecutionError, Json, JsonObject, ResourceAllocation, ResourceUsage } from './execution.ts';
import type { FactBody } from './facts.ts';
import type { Plan, Recovery, RetryPolicy } from './plan.ts';
import type { WithSecrets } from './secrets.ts';
import type { StepOutcome } from './step.ts';
import type { ResolvedWait, WaitAnswer } from './wait.ts';

/** Everything a run needs, as plain data; the payload of its first fact, so that its stream is enough to restart it. */
export interface RunJob extends WithSecrets {
  readonly execution: ExecutionContext;
  readonly plan: Plan;
  readonly input: JsonObject;
  readonly allocation: ResourceAllocation;
  /** From the call: overrides every other retry policy. */
  readonly retry?: RetryPolicy;
  readonly recovery: Partial<Record<ErrorClass, Recovery>>;
  /** A definition that was refused still becomes a run: it starts and fails with this. */
  readonly refusal?: ExecutionError;
  /** Of a rerun: which run's results it takes over, and the step from which it was asked to run again. */
  readonly rerunOf?: { readonly executionId: string; readonly from: string };
}

/** A fact of another run. */
export interface FactOf {
  readonly executionId: string;
  readonly seq: number;
}

/** What a rerun takes over of one step. */
export interface ReusedStep {
  readonly stepId: string;
  readonly ordinal: number;
  /** `entered`: a group whose conditions are not asked again, and some of whose steps will run. */
  readonly status: 'completed' | 'skipped' | 'failed' | 'timed_out' | 'cancelled' | 'entered';
  readonly output: Json;
  readonly error?: ExecutionError;
  /** Of what failed or was cancelled within a group that came to an end all the same. */
  readonly fatal?: true;
  readonly branch?: 'then' | 'else';
  readonly reason?: SkipReason;
  /** Where it is recorded. */
  readonly from: FactOf;
}

/** How a run ended; the output of its actor. */
export interface RunOutcome {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly result: Json;
  readonly error?: ExecutionError;
  readonly reason?: string;
  readonly usage: ResourceUsage;
  /** From start to settlement, pauses included. Milliseconds. */
  readonly duration: number;
}

export type RunCommand =
  | ControlCommand
  | { readonly type: 'run.set'; readonly at: number; readonly name: string; readonly value: Json }
  | { readonly type: 'run.decide'; readonly at: number; readonly stepId: string; readonly decision: Decision }
  | { readonly type: 'run.signal'; readonly at: number; readonly name: string; readonly payload: Json };

/** A child that a nursery is to start. `incarnation` numbers the lives of one id. */
export interface ChildSpec<Input = unknown> {
  readonly id: string;
  readonly src: string;
  readonly incarnation: number;
  readonly input: Input;
}

export type NurseryCommand =
  | { readonly type: 'child.start'; readonly children: readonly ChildSpec[] /** Reply `children.started`. */; readonly ack: boolean }
  | { readonly type: 'child.tell'; readonly id: string; readonly event: ControlCommand | WaitAnswer }
  | { readonly type: 'child.tellAll'; readonly event: ControlCommand }
  | { readonly type: 'child.stop'; readonly id: string };

export type ChildReport<Output> =
  | { readonly type: 'child.done'; readonly id: string; readonly incarnation: number; readonly output: Output; readonly at: number }
  | {
      readonly type: 'child.crashed';
      readonly id: string;
      readonly incarnation: number;
      readonly cause: { readonly name: string; readonly message: string };
      /** Of an execution: what it and all below it had used. */
      readonly usage?: ResourceUsage;
      readonly at: number;
    }
  /** It was told to stop, and had not ended before. */
  | { readonly type: 'child.stopped'; readonly id: string; readonly incarnation: number; readonly at: number }
  | { readonly type: 'children.started'; readonly at: number };

export type RunReport = ChildReport<StepOutcome | RunOutcome> | ControlReport;

type StepPayload<More = unknown> = { readonly stepId: string; readonly ordinal: number } & More;

export type RunFact =
  | FactBody<'tier2/routine/started', { readonly routineId: string; readonly stepCount: number; readonly job: RunJob }>
  | FactBody<'tier2/routine/variable_set', { readonly name: string; readonly value: Json }>
  /** `asked` is the epoch of whoever above it waits for the pause, 0 for a client. Said again when somebody else asks meanwhile. */
  | FactBody<'tier2/routine/pausing', { readonly epoch: number; readonly asked: number }>
  | FactBody<'tier2/routine/paused', Record<string, never>>
  | FactBody<'tier2/routine/resumed', Record<string, never>>
  | FactBody<'tier2/routine/waiting', { readonly steps: number }>
  /** A signal came; it is kept until a step takes it. */
  | FactBody<'tier2/routine/signalled', { readonly name: string; readonly payload: Json }>
  | FactBody<'tier2/routine/cancelling', { readonly reason: string }>
  | FactBody<'tier2/routine/failing', { readonly error: ExecutionError }>
  /** Everything has ended; now completed steps are undone, the last one first, before the run ends as it had to. */
  | FactBody<'tier2/routine/compensating', { readonly steps: number; readonly ending: 'failed' | 'cancelled' }>
  | FactBody<'tier2/routine/completed', { readonly routineId: string; readonly result: Json; readonly usage: ResourceUsage }>
  | FactBody<'tier2/routine/failed', { readonly routineId: string; readonly error: ExecutionError; readonly usage: ResourceUsage }>
  | FactBody<'tier2/routine/cancelled', { readonly routineId: string; readonly reason: string; readonly usage: ResourceUsage }>
  | FactBody<
      'tier2/step/started',
      StepPayload<{
        /** Of the step's executor; absent for a group, which has none. */
        readonly childExecutionId?: string;
        /** 1, and one more for every fresh start by a fallback or a person. */
        readonly iteration: number;
        readonly reserved: Amounts;
        /** Index of the fallback in force, when it is not the step's own work. */
        readonly fallback?: number;
        /** Of a wait. */
        readonly waitsFor?: ResolvedWait;
      }>
    >
  /** A result of another run stands for this step: it does not run, and costs nothing. Recorded with the run's start. */
  | FactBody<'tier2/step/reused', ReusedStep>
  /** Its child has crashed, and another life of the same execution goes on where its facts end. */
  | FactBody<
      'tier2/step/restarted',
      StepPayload<{ readonly incarnation: number; readonly cause: { readonly name: string; readonly message: string } }>
    >
  | FactBody<'tier2/step/paused', StepPayload<{ readonly epoch: number }>>
  /** Its conditions hold, and it starts as a run of its own or a wait. */
  | FactBody<'tier2/step/admitted', StepPayload<{ readonly usage: ResourceUsage }>>
  /** All that it does waits for somebody outside. */
  | FactBody<'tier2/step/waiting', StepPayload>
  | FactBody<'tier2/step/continued', StepPayload>
  | FactBody<'tier2/step/signal_taken', StepPayload<{ readonly name: string; readonly payload: Json }>>
  /** One iteration of a loop ended, and another one follows. */
  | FactBody<'tier2/step/iterated', StepPayload<{ readonly iteration: number; readonly result: Json; readonly usage: ResourceUsage }>>
  | FactBody<'tier2/step/compensated', StepPayload<{ readonly usage: ResourceUsage }>>
  | FactBody<'tier2/step/compensation_failed', StepPayload<{ readonly error: ExecutionError; readonly usage: ResourceUsage }>>
  | FactBody<
      'tier2/step/completed',
      StepPayload<{ readonly output: Json; readonly attempts: number; readonly usage: ResourceUsage; readonly branch?: 'then' | 'else' }>
    >
  | FactBody<
      'tier2/step/failed',
      StepPayload<{
        readonly error: ExecutionError;
        readonly attempts: number;
        readonly usage: ResourceUsage;
        /** Whether this failure fails what encloses the step. */
        readonly fatal: boolean;
      }>
    >
  | FactBody<'tier2/step/skipped', StepPayload<{ readonly reason: SkipReason; readonly usage: ResourceUsage }>>
  | FactBody<'tier2/step/cancelled', StepPayload<{ readonly reason: string; readonly usage: ResourceUsage }>>
  | FactBody<
      'tier2/step/branched',
      StepPayload<{ readonly branch?: 'then' | 'else'; readonly attempts: number; readonly usage: ResourceUsage }>
    >
  /** A failure that a fallback or a person still has to settle; its usage is booked. */
  | FactBody<
      'tier2/step/fell_back',
      StepPayload<{
        readonly error: ExecutionError;
        readonly attempts: number;
        readonly usage: ResourceUsage;
        readonly fallback: number;
        readonly action: string;
        /** It is that of the error's class, and not one of the step's own. */
        readonly recovery?: ErrorClass;
      }>
    >
  /** `canRetry` false: of a group, which cannot run again. */
  | FactBody<'tier2/step/escalated', StepPayload<{ readonly error: ExecutionError; readonly canRetry?: false } & Asked>>
  /** An answer that does not decide yet. */
  | FactBody<'tier2/step/voted', StepPayload<Vote>>
  | FactBody<'tier2/step/decided', StepPayload<Decision>>
  /** Nobody has decided in time. */
  | FactBody<'tier2/step/expired', StepPayload>;

export type SkipReason = 'condition' | 'branch-not-taken' | 'dependency-failed' | 'sibling-failed' | 'fallback';
