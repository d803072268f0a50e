/**
 * Simulates one run: the order of messages, timers, tool outcomes and the client's controls comes from one source of choices.
 *
 * Whatever the order, the run must settle, the invariants must hold, the facts must fold to the live state, and nothing may be left.
 */

import type { InspectionEvent } from 'xstate';
import type { AnyTool } from '../actors/tool.ts';
import { createRuntime } from '../create-runtime.ts';
import type { ExecutionContext, ExecutionResult, JsonObject, ResourceAllocation } from '../machines/protocol/execution.ts';
import type { Fact } from '../machines/protocol/facts.ts';
import type { RunJob } from '../machines/protocol/run.ts';
import type { ExecutionHandle } from '../runtime/execution/handle.ts';
import { MemoryJournal } from '../runtime/journal/memory-journal.ts';
import { foldStream } from '../runtime/journal/restoration.ts';
import type { WorkflowDefinition } from '../runtime/workflow/schema.ts';
import { violations } from './invariants.ts';
import type { Pick } from './random.ts';
import { settlePromises } from './virtual-clock.ts';
import { World } from './world.ts';

export type Control = 'pause' | 'resume' | 'cancel' | 'approve' | 'retry' | 'reject' | 'abort';

export interface Story {
  readonly workflow: WorkflowDefinition;
  readonly input?: JsonObject;
  readonly allocation?: Partial<ResourceAllocation>;
  /** The tools of the workflow, made in the world. */
  readonly tools: (world: World) => readonly AnyTool[];
  /** What the client does, in this order, at moments that are chosen. */
  readonly controls: readonly Control[];
}

export interface SimulationReport {
  readonly violations: readonly string[];
  readonly result: ExecutionResult | undefined;
  readonly facts: readonly Fact[];
  /** How many facts there were after each commit: where a crash can cut the story. */
  readonly commits: readonly number[];
  readonly trace: readonly string[];
}

/** More steps than any story of ours needs; a story that takes longer does not end. */
const MAX_STEPS = 2_000;

export async function simulate(pick: Pick, story: Story): Promise<SimulationReport> {
  const world = new World(pick);
  const journal = new CommitCounter();
  const live = new LiveStates();
  let ids = 0;
  const runtime = await createRuntime({
    tools: story.tools(world),
    clock: world.clock,
    carrier: world,
    journal,
    createId: () => `run-${++ids}`,
    inspect: (event) => live.see(event),
  });
  const found: string[] = [];
  const execution = runtime.run(story.workflow, {
    ...(story.input && { input: story.input }),
    ...(story.allocation && { allocation: story.allocation }),
  });
  let result: ExecutionResult | undefined;
  void execution.result().then((settled) => {
    result = settled;
  });
  for (const control of story.controls) world.plan(control, () => void apply(execution, control, story));
  for (let steps = 0; !result; steps++) {
    if (steps > MAX_STEPS) {
      found.push(`not settled after ${MAX_STEPS} steps, still ${execution.status}`);
      break;
    }
    if (await world.step()) {
      if (execution.status === 'paused') found.push(...workWhilePaused(world));
      if (found.length > 0) break;
      continue;
    }
    if (!nudge(execution, story)) found.push(`stuck in "${execution.status}" with nothing that could happen`);
    await settlePromises();
    if (found.length > 0) break;
  }
  while (await world.step()) if (world.trace.length > 2 * MAX_STEPS) break;
  const facts = await journal.read(execution.executionId);
  if (result) found.push(...violations(facts), ...live.differences(facts), ...lateEffects(world));
  const { executions, actorsWithTimers } = runtime.vitals;
  if (result && executions > 0) found.push(`I2: ${executions} executions live after the end`);
  if (result && actorsWithTimers > 0) found.push(`I2: ${actorsWithTimers} actors have timers after the end`);
  await runtime.stop({ graceMs: 0 });
  if (world.clock.pending > 0) found.push(`I2: ${world.clock.pending} timers are set after stop`);
  return { violations: found, result, facts, commits: journal.commits, trace: world.trace };
}

async function apply(execution: ExecutionHandle, control: Control, { workflow }: Story): Promise<boolean> {
  if (control === 'pause') return execution.pause();
  if (control === 'resume') return execution.resume();
  if (control === 'cancel') return execution.cancel('simulated');
  const answers = await Promise.all(workflow.steps.map(({ id }) => execution.decide(id, { decision: control, by: 'simulation' })));
  return answers.includes(true);
}

/** A paused run is resumed and a waiting one is answered; anything else should have gone on by itself. */
function nudge(execution: ExecutionHandle, story: Story): boolean {
  if (execution.status === 'paused') void execution.resume();
  else if (execution.status === 'waiting') void apply(execution, 'approve', story);
  else return false;
  return true;
}

class CommitCounter extends MemoryJournal {
  readonly commits: number[] = [];

  override append(stream: string, expectedSeq: number, facts: readonly Fact[]): undefined {
    this.commits.push(expectedSeq + facts.length);
    super.append(stream, expectedSeq, facts);
  }
}

/** The folded state that each execution's actor last had, as the inspector saw it. */
class LiveStates {
  readonly #states = new Map<string, unknown>();

  see(event: InspectionEvent): void {
    if (event.type !== '@xstate.snapshot') return;
    const { context } = event.snapshot as {
      readonly context?: { readonly state?: unknown; readonly execution?: ExecutionContext; readonly job?: RunJob };
    };
    const execution = context?.execution ?? context?.job?.execution;
    if (execution && context?.state !== undefined) this.#states.set(execution.executionId, context.state);
  }

  /** Live state is read only from the fold: the facts alone must give the same. */
  differences(facts: readonly Fact[]): string[] {
    return [...foldStream(facts)].flatMap(([executionId, folded]) =>
      JSON.stringify(folded) === JSON.stringify(this.#states.get(executionId))
        ? []
        : [`the facts of ${executionId} do not fold to its live state`],
    );
  }
}

/** In a paused run every call of a tool has ended, waits at its checkpoint, or was aborted. */
const workWhilePaused = ({ calls }: World): string[] =>
  calls
    .filter(({ outcome, isAtCheckpoint, context }) => outcome === undefined && !isAtCheckpoint && !context.signal.aborted)
    .map(({ tool, context }) => `${tool} of ${context.execution.executionId} works while its run is paused`);

/** I7: no call of a tool begins after its execution's signal was aborted. */
function lateEffects(world: World): string[] {
  return world.calls.flatMap(({ tool, context, outcome }) =>
    outcome === undefined && !context.signal.aborted ? [`I7: ${tool} of ${context.execution.executionId} still runs after the end`] : [],
  );
}
