/** Starts executions: from what a caller asks for, checked, to a job that a chart can do, to its handle. */

import { memberOf } from './actors/failure.ts';
import type { Handles } from './handles.ts';
import { SwarmchartError } from './machines/protocol/errors.ts';
import type { Fact } from './machines/protocol/facts.ts';
import type { RunJob } from './machines/protocol/run.ts';
import type { SwarmJob } from './machines/protocol/swarm.ts';
import type { Blackboards } from './runtime/blackboard.ts';
import type { Configuration } from './runtime/configuration.ts';
import { reading } from './runtime/door.ts';
import type { Execution, ExecutionHandle, SwarmHandle } from './runtime/execution/handle.ts';
import { checkRequest, checkStepRequest, type StepExecutionInput, type TierExecutionRequest } from './runtime/execution/requests.ts';
import { prepareRun, stepJob } from './runtime/jobs.ts';
import type { Ladder } from './runtime/recovery.ts';
import { prepareRerun, type RerunOptions } from './runtime/rerun/rerun.ts';
import type { SwarmDefinition } from './runtime/swarm/definition.ts';
import type { SwarmSource, Swarms } from './runtime/swarm/swarms.ts';
import { type LoadedWorkflow, loadWorkflow } from './runtime/workflow/load.ts';
import type { RoutineExecutionInput, RunOptions, SwarmExecutionInput, SwarmOptions, WorkflowSource } from './surface.ts';
import type { System } from './system.ts';

export interface StarterServices {
  readonly system: System;
  readonly handles: Handles;
  readonly configuration: Configuration;
  readonly ladder: Ladder;
  readonly swarms: Swarms;
  readonly blackboards: Blackboards;
  readonly createId: () => string;
}

export class Starter {
  readonly #services: StarterServices;

  constructor(services: StarterServices) {
    this.#services = services;
  }

  run(workflow: WorkflowSource, options: RunOptions = {}): ExecutionHandle {
    const { clock } = this.#services.system;
    const checked = checkRequest(options, () => this.#services.createId(), clock.now());
    const load = (names: readonly string[]) => this.#load(workflow, names);
    const input = reading('The request', () => options.input ?? {});
    const prepared = prepareRun(load, input, checked.allocation, nameOf(workflow));
    const job: RunJob = {
      execution: checked.execution,
      allocation: checked.allocation,
      recovery: this.#services.ladder.recovery(this.#services.configuration.registry),
      ...(checked.retry && { retry: checked.retry }),
      ...prepared,
    };
    const execution = this.#services.system.start('tier2', checked.execution, job);
    if (checked.hasSwarm) this.leaveResult(execution, job.plan.id);
    return this.#services.handles.execution(execution, 'tier2');
  }

  swarm(source: SwarmSource, options: SwarmOptions = {}): SwarmHandle {
    const checked = checkRequest(options, () => this.#services.createId(), this.#services.system.clock.now());
    const asked = reading('The request', () => askedOf(options));
    const job = this.#services.swarms.job(source, asked, checked);
    const execution = this.#services.system.start('tier1', checked.execution, job);
    return this.followSwarm(execution, job);
  }

  async rerun(source: string | readonly Fact[], options: RerunOptions): Promise<ExecutionHandle> {
    const { journal, clock } = this.#services.system;
    const { job, reused } = await prepareRerun(source, options, {
      journal,
      now: () => clock.now(),
      createId: () => this.#services.createId(),
    });
    const { execution: context, plan } = job;
    const execution = this.#services.system.start('tier2', context, job, undefined, { reused });
    if (context.swarmId !== context.executionId) this.leaveResult(execution, plan.id);
    return this.#services.handles.execution(execution, 'tier2');
  }

  /** What is missing is refused as a run; callers in JavaScript leave out anything. */
  routine(request: Partial<TierExecutionRequest<Partial<RoutineExecutionInput>>> | undefined): ExecutionHandle {
    const { workflow, options } = reading('The request', () => {
      const { workflow, parameters } = request?.input ?? {};
      return { workflow, options: { ...request, input: parameters ?? {} } };
    });
    return this.run(workflow as WorkflowSource, options);
  }

  step(request: TierExecutionRequest<StepExecutionInput>): ExecutionHandle {
    const checked = checkStepRequest(request, () => this.#services.createId(), this.#services.system.clock.now());
    const job = stepJob(
      checked,
      this.#services.configuration.tools.get(checked.input.toolName),
      this.#services.ladder.recovery(this.#services.configuration.registry),
    );
    return this.#services.handles.execution(this.#services.system.start('tier3', checked.execution, job), 'tier3');
  }

  /** The caller's goal is a text of its own, not a template as a definition's. */
  swarmOf(request: TierExecutionRequest<SwarmExecutionInput> | undefined): SwarmHandle {
    const { source, options } = reading('The request', () => {
      const { goal, parameters = {}, ...definition } = request?.input ?? {};
      const { input: _, ...rest } = request ?? {};
      const isOnlyGoal = Object.keys(definition).length === 0;
      const source: SwarmSource = isOnlyGoal ? (goal ?? '') : ({ id: 'swarm', ...definition } as SwarmDefinition);
      return { source, options: { ...rest, ...(goal !== undefined && { goal }), input: parameters } };
    });
    return this.swarm(source, options);
  }

  /** For those who can wait: throws SYSTEM_PAUSED where `run` would have made a run that failed with it. */
  runLater(workflow: WorkflowSource, options: RunOptions): ExecutionHandle {
    const state = this.#services.system.breakers.get('system')?.state ?? 'closed';
    if (state !== 'closed') throw new SwarmchartError('SYSTEM_PAUSED', `The circuit breaker of the system is ${state}`);
    return this.run(workflow, options);
  }

  /** Its own agents live as long as it does. */
  followSwarm(execution: Execution, job: SwarmJob): SwarmHandle {
    const { executionId } = execution.context;
    const lent = this.#services.system.agents.lend(job.agents.map((agent) => ({ ...agent, id: job.poolIds[agent.id] ?? agent.id })));
    void execution.result().then(({ success }) => {
      this.#services.system.agents.ask({ type: 'lease.returnAll', holder: executionId, at: this.#services.system.clock.now() });
      this.#services.system.agents.takeBack(lent);
      if (success) this.#services.swarms.completed(job);
    });
    return this.#services.handles.swarm(execution);
  }

  /** On the blackboard of the swarm that it was started for, once it has succeeded. */
  leaveResult(execution: Execution, key: string): void {
    void this.#leave(execution, key);
  }

  async #leave(execution: Execution, key: string): Promise<void> {
    const { success, result, context } = await execution.result();
    if (!success) return;
    const { executionId, swarmId } = context;
    const board = this.#services.blackboards.of(swarmId, { by: executionId });
    await board.set(key, result ?? null).catch((thrown: unknown) => {
      this.#services.system.log.warn(
        { err: thrown, execution: executionId, swarm: swarmId, key },
        'a result could not be left on the blackboard',
      );
    });
  }

  #load(source: WorkflowSource, inputNames: readonly string[]): LoadedWorkflow {
    if (typeof source === 'string') {
      const created = this.#services.configuration.workflows.get(source);
      if (created) return created;
      throw new SwarmchartError('WORKFLOW_NOT_FOUND', `There is no workflow "${source}"; create it first`);
    }
    if (isLoaded(source)) return source;
    return loadWorkflow(source, { registry: this.#services.configuration.registry, inputNames });
  }
}

/** What the caller of a swarm wants instead of what its definition says. */
function askedOf({ goal, input, allocation, options }: SwarmOptions) {
  const timeout = options?.timeout;
  const limits = { ...allocation, ...(timeout !== undefined && { maxDurationMs: timeout }) };
  return { ...(goal !== undefined && { goal }), ...(input && { input }), limits };
}

function nameOf(source: unknown): string {
  const name = typeof source === 'string' ? source : memberOf(source, 'id');
  return typeof name === 'string' ? name : 'refused';
}

const isLoaded = (source: object | null | undefined): source is LoadedWorkflow =>
  typeof source === 'object' && source !== null && 'plan' in source && !('steps' in source);
