/** What a simulated client does to a run and to every run below it. */

import type { Decision } from '../machines/protocol/decision.ts';
import type { RunControls } from '../runtime/execution/handle.ts';

/** The name of the one signal that stories wait for. */
export const SIGNAL = 'go';

/** The run, and all runs below it that live, in the order of their steps. */
export async function liveRuns(run: RunControls): Promise<RunControls[]> {
  const { steps } = await run.snapshot();
  const below = await Promise.all(steps.flatMap(({ id }) => run.run(id) ?? []).map(liveRuns));
  return [run, ...below.flat()];
}

/** Gives every step that waits for a person the same answer. */
export async function answerAll(run: RunControls, decision: Decision['decision']): Promise<boolean> {
  const answers = (await liveRuns(run)).map(async (each) => {
    const { waiting } = await each.snapshot();
    return Promise.all(waiting.map(({ stepId }) => each.decide(stepId, { decision, by: 'simulation' })));
  });
  return (await Promise.all(answers)).flat().includes(true);
}

/** Sends the signal to every run. */
export async function signalAll(run: RunControls): Promise<boolean> {
  const answers = (await liveRuns(run)).map((each) => each.signal(SIGNAL, 'simulated'));
  return (await Promise.all(answers)).includes(true);
}

/** Resumes every run below that was paused on its own. False when there is none. */
export async function wakeAll(run: RunControls): Promise<boolean> {
  const [, ...below] = await liveRuns(run);
  return resumed(below);
}

/** The same for the runs of a swarm's tasks, and all below them. */
export async function wakeRuns(runs: readonly RunControls[]): Promise<boolean> {
  return resumed((await Promise.all(runs.map(liveRuns))).flat());
}

async function resumed(runs: readonly RunControls[]): Promise<boolean> {
  const paused = await Promise.all(runs.map(async (each) => (await each.snapshot()).status === 'paused'));
  for (const [index, each] of runs.entries()) if (paused[index]) void each.resume().catch(() => false);
  return paused.includes(true);
}
