/** The client of a simulation: starts a run or a swarm, and does to it what the story says. */

import type { Runtime } from '../create-runtime.ts';
import type { Decision } from '../machines/protocol/decision.ts';
import type { ExecutionHandle, RunControls, SwarmHandle } from '../runtime/execution/handle.ts';
import type { Pick } from './random.ts';
import { answerAs, approveAll, askedAbout } from './simulated-people.ts';
import { liveRuns, signalAll, wakeAll, wakeRuns } from './simulated-runs.ts';
import type { Control, Story } from './simulation.ts';

type Handle = ExecutionHandle | SwarmHandle;

export interface Client {
  readonly execution: Handle;
  readonly apply: (control: Control) => Promise<unknown>;
  /** Resumes what was paused on its own below the execution. False when nothing was. */
  readonly wake: () => Promise<boolean>;
  /** Somebody is asked about it, or about anything below it: other work of a swarm may go on meanwhile. */
  readonly isAsked: () => boolean;
  /** Everybody who is asked approves. */
  readonly approve: () => Promise<boolean>;
}

/** Starts what the story tells. */
export function startedBy(runtime: Runtime, story: Story, executionId?: string): Handle {
  const options = {
    ...(story.input && { input: story.input }),
    ...(story.allocation && { allocation: story.allocation }),
    ...(executionId !== undefined && { context: { executionId } }),
  };
  return story.swarm ? runtime.swarm(story.swarm, options) : runtime.run(story.workflow ?? { id: 'nothing', steps: [] }, options);
}

export function clientOf(runtime: Runtime, execution: Handle, pick: Pick): Client {
  const { executionId } = execution;
  const common = {
    execution,
    isAsked: () => askedAbout(runtime, executionId).length > 0,
    approve: () => approveAll(runtime, executionId),
  };
  if (isSwarm(execution)) {
    return {
      ...common,
      apply: async (control) => (await commonly(runtime, execution, control)) ?? ofSwarm(runtime, execution, control, pick),
      wake: async () => wakeRuns(await runsOf(execution)),
    };
  }
  return {
    ...common,
    apply: async (control) => (await commonly(runtime, execution, control)) ?? ofRun(runtime, execution, control, pick),
    wake: () => wakeAll(execution),
  };
}

const isSwarm = (handle: Handle): handle is SwarmHandle => 'decideTask' in handle;

function commonly(runtime: Runtime, execution: ExecutionHandle | SwarmHandle, control: Control): Promise<boolean> | boolean | undefined {
  if (control === 'pauseSystem') return runtime.breakers.forceOpen('system', { by: 'simulation' });
  if (control === 'resumeSystem') return runtime.breakers.forceClose('system', { by: 'simulation' });
  if (control === 'pause') return execution.pause();
  if (control === 'resume') return execution.resume();
  return control === 'cancel' ? execution.cancel('simulated') : undefined;
}

async function ofRun(runtime: Runtime, run: RunControls, control: Control, pick: Pick): Promise<unknown> {
  if (control === 'signal') return signalAll(run);
  if (control !== 'pauseRun' && control !== 'resumeRun' && control !== 'cancelRun')
    return answerAs(runtime, run.executionId, answerOf(control), pick);
  const [, ...below] = await liveRuns(run);
  const one = below[below.length < 2 ? 0 : pick(below.length)];
  if (control === 'pauseRun') return one?.pause();
  return control === 'resumeRun' ? one?.resume() : one?.cancel('simulated');
}

async function ofSwarm(runtime: Runtime, swarm: SwarmHandle, control: Control, pick: Pick): Promise<unknown> {
  if (control === 'crash' || control === 'unregister') {
    const agents = runtime.agents.list();
    const agent = agents[agents.length < 2 ? 0 : pick(agents.length)];
    if (!agent || control === 'crash') return agent && runtime.agents.crash(agent.spec.id, new Error('simulated'));
    return runtime.agents.unregister(agent.spec.id, pick(2) === 0 ? {} : { graceMs: pick(10_000) });
  }
  const runs = await runsOf(swarm);
  if (control === 'signal') return Promise.all(runs.map(signalAll));
  const run = runs[runs.length < 2 ? 0 : pick(runs.length)];
  if (control === 'pauseRun') return run?.pause();
  if (control === 'resumeRun') return run?.resume();
  if (control === 'cancelRun') return run?.cancel('simulated');
  return answerAs(runtime, swarm.executionId, answerOf(control), pick);
}

/** The runs of its tasks. */
async function runsOf(swarm: SwarmHandle): Promise<RunControls[]> {
  const { tasks } = await swarm.snapshot();
  return tasks.flatMap(({ id }) => swarm.run(id) ?? []);
}

const answerOf = (control: Control): Decision['decision'] =>
  control === 'retry' || control === 'reject' || control === 'abort' ? control : 'approve';
