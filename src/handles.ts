/** What callers hold of executions: handles and controls, over the system's commands. */

import { toJson } from './actors/json.ts';
import { type ExecutorState, FRESH_EXECUTOR } from './machines/executor.fold.ts';
import type { Decision } from './machines/protocol/decision.ts';
import { SwarmchartError } from './machines/protocol/errors.ts';
import type { Json, Tier as TierName } from './machines/protocol/execution.ts';
import type { ObligationAnswer } from './machines/protocol/swarm.ts';
import { childKind } from './machines/run.jobs.ts';
import { FRESH_RUN, type RunState } from './machines/run.state.ts';
import type { RunContext } from './machines/run.turn.ts';
import { canTakeSignal, verdictOn } from './machines/run.waits.ts';
import * as swarm from './machines/swarm.decisions.ts';
import { verdictOn as verdictOnTask } from './machines/swarm.people.ts';
import { FRESH_SWARM, type SwarmState } from './machines/swarm.state.ts';
import type { SwarmContext } from './machines/swarm.turn.ts';
import type { Verdict } from './machines/votes.ts';
import { isId } from './runtime/door.ts';
import { canBeCancelled, canContinue } from './runtime/execution/controls.ts';
import type { Execution, ExecutionHandle, RunControls, SwarmHandle } from './runtime/execution/handle.ts';
import { progressOf } from './runtime/execution/progress.ts';
import { checkDecision, checkName, checkReason, checkSignal } from './runtime/execution/requests.ts';
import { type ExecutionSnapshot, executorSnapshot, runSnapshot } from './runtime/execution/snapshot.ts';
import { swarmSnapshot } from './runtime/execution/swarm-snapshot.ts';
import { DEFAULT_MAX_OUTPUT_BYTES } from './runtime/options.ts';
import type { System } from './system.ts';

export class Handles {
  readonly #system: System;

  constructor(system: System) {
    this.#system = system;
  }

  control(executionId: string) {
    const command = async (accepts: (phase: string) => boolean, name: string, more: object) =>
      isId(executionId) && this.#system.commands.command(executionId, accepts, (at) => ({ type: `execution.${name}`, at, ...more }));
    return {
      pause: () => command((phase) => canContinue(phase) && this.#isAskedByCaller(executionId), 'pause', { epoch: 0 }),
      resume: () => command((phase) => canContinue(phase) && !this.#isHeld(executionId), 'resume', {}),
      cancel: async (reason = 'cancelled by the caller') => command(canBeCancelled, 'cancel', { reason: checkReason(reason) }),
    };
  }

  /** A run or a step. */
  execution(execution: Execution, tier: TierName): ExecutionHandle {
    const { executionId } = execution.context;
    return Object.assign(this.#common(execution), tier === 'tier2' ? this.run(executionId) : this.#step(executionId));
  }

  swarm(execution: Execution): SwarmHandle {
    const { executionId } = execution.context;
    return Object.assign(this.#common(execution), this.control(executionId), {
      snapshot: async () =>
        swarmSnapshot(executionId, ((await this.#system.commands.stateOf(executionId)) as SwarmState | undefined) ?? FRESH_SWARM),
      run: (taskId: string) => {
        const id = this.#liveRun(executionId, taskId);
        return id === undefined ? undefined : this.run(id);
      },
      ...this.swarmDecisions(executionId),
    } satisfies Pick<SwarmHandle, 'snapshot' | 'run' | 'decide' | 'decideTask'>);
  }

  swarmDecisions(executionId: string): Pick<SwarmHandle, 'decide' | 'decideTask'> {
    return {
      decide: (normId, decision) => this.#decideObligation(executionId, normId, decision),
      decideTask: (taskId, decision) => this.#decideTask(executionId, taskId, decision),
    };
  }

  /** Also of a run that belongs to a swarm or to another run. */
  run(executionId: string): RunControls {
    return {
      executionId,
      ...this.control(executionId),
      snapshot: async () =>
        runSnapshot(executionId, ((await this.#system.commands.stateOf(executionId)) as RunState | undefined) ?? FRESH_RUN),
      setVariable: async (name, value) => {
        const json = toJson(value, 'The caller', DEFAULT_MAX_OUTPUT_BYTES);
        checkName(name);
        return this.#system.commands.command(executionId, canContinue, (at) => ({ type: 'run.set', at, name, value: json }));
      },
      decide: (stepId, decision) => this.#decide(executionId, stepId, decision),
      signal: (name, payload) => this.#signal(executionId, name, payload),
      run: (stepId) => {
        const id = this.#nestedRun(executionId, stepId);
        return id === undefined ? undefined : this.run(id);
      },
    };
  }

  #step(executionId: string): RunControls {
    const snapshot = async (): Promise<ExecutionSnapshot> =>
      executorSnapshot(executionId, ((await this.#system.commands.stateOf(executionId)) as ExecutorState | undefined) ?? FRESH_EXECUTOR);
    const never = () => Promise.resolve(false);
    return { executionId, ...this.control(executionId), snapshot, setVariable: never, decide: never, signal: never, run: () => undefined };
  }

  /** Its status is read anew each time, so this object must be added to and not copied. */
  #common(execution: Execution) {
    const { executionId } = execution.context;
    const { directory, journal } = this.#system;
    const facts = () => execution.facts((from) => journal.read(executionId, from));
    return {
      executionId,
      context: execution.context,
      get status() {
        return execution.settledResult?.status ?? directory.status(executionId) ?? 'pending';
      },
      facts,
      progress: () => progressOf(executionId, facts()),
      result: () => execution.result(),
    };
  }

  /** A pause that a caller asks for outlasts that of the whole system. */
  #isAskedByCaller(executionId: string): true {
    this.#system.suspension.leave(executionId);
    return true;
  }

  /** What belongs to something that is paused goes on with it, not before; nor does anything while the whole system is paused. */
  #isHeld(executionId: string): boolean {
    if (this.#system.suspension.holds(executionId)) return true;
    const parent = this.#system.directory.find(executionId)?.parent;
    const status = parent === undefined ? undefined : this.#system.directory.status(parent);
    return status === 'paused' || status === 'pausing';
  }

  #liveRun(executionId: string, taskId: string): string | undefined {
    const context = this.#system.directory.find(executionId)?.ref?.getSnapshot().context as SwarmContext | undefined;
    const plan = context?.state.plan;
    const ordinal = plan && isId(taskId) && Object.hasOwn(plan.ordinals, taskId) ? plan.ordinals[taskId] : undefined;
    return ordinal === undefined ? undefined : context?.state.records.get(ordinal)?.childExecutionId;
  }

  #nestedRun(executionId: string, stepId: string): string | undefined {
    const { directory } = this.#system;
    const context = directory.find(executionId)?.ref?.getSnapshot().context as RunContext | undefined;
    const plan = context?.job.plan;
    const ordinal = plan && isId(stepId) && Object.hasOwn(plan.ordinals, stepId) ? plan.ordinals[stepId] : undefined;
    const step = ordinal === undefined ? undefined : plan?.steps[ordinal];
    const record = step && context?.state.records.get(step.ordinal);
    return context && step && record && childKind(context.job, step, record) === 'run' ? record.childExecutionId : undefined;
  }

  async #signal(executionId: string, givenName: string, givenPayload: Json = null): Promise<boolean> {
    const { name, payload } = checkSignal({ name: givenName, payload: givenPayload });
    return this.#system.commands.command(
      executionId,
      (phase, context) => canContinue(phase) && canTakeSignal(context as RunContext, name),
      (at) => ({ type: 'run.signal', at, name, payload }),
    );
  }

  async #decide(executionId: string, stepId: string, given: Decision): Promise<boolean> {
    const decision = checkDecision(given);
    const command = (at: number) => ({ type: 'run.decide', at, stepId, decision }) as const;
    return this.#system.commands.command(
      executionId,
      (phase, context) => isId(stepId) && canContinue(phase) && isTaken(verdictOn(context as RunContext, command(0)), stepId),
      command,
    );
  }

  async #decideTask(executionId: string, taskId: string, given: Decision): Promise<boolean> {
    const decision = checkDecision(given);
    const command = (at: number) => ({ type: 'swarm.decideTask', at, taskId, decision }) as const;
    return this.#system.commands.command(
      executionId,
      (phase, context) => isId(taskId) && canContinue(phase) && isTaken(verdictOnTask(context as SwarmContext, command(0)), taskId),
      command,
    );
  }

  async #decideObligation(executionId: string, normId: string, given: ObligationAnswer): Promise<boolean> {
    const { decision, by } = checkDecision(given);
    const command = (at: number) => ({ type: 'swarm.decide', at, normId, decision, ...(by !== undefined && { by }) }) as const;
    return this.#system.commands.command(
      executionId,
      (phase, context) => isId(normId) && canContinue(phase) && swarm.isEscalated(context as SwarmContext, command(0)),
      command,
    );
  }
}

/** Throws for an answer that is none of this person's business, or that does not say whose it is where that matters. */
function isTaken(verdict: Verdict, subject: string): boolean {
  if (verdict === 'forbidden') throw new SwarmchartError('NOT_PERMITTED', `A decision about "${subject}" needs another role`);
  if (verdict === 'unnamed')
    throw new SwarmchartError('INVALID_INPUT', `Several people decide about "${subject}": an answer says by whom it is`);
  return verdict === 'decision' || verdict === 'vote';
}
