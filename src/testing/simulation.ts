/**
 * Simulates one run or one whole swarm: the order of messages, timers, tool outcomes, crashes of agents and the client's controls comes
 * from one source of choices.
 *
 * Whatever the order, it must settle, the invariants must hold, the facts must fold to the live state, and nothing may be left.
 */

import type { InspectionEvent } from 'xstate';
import { identityOf, wrapTierError } from '../actors/failure.ts';
import type { FaultHooks } from '../actors/faults.ts';
import type { AnyTool } from '../actors/tool.ts';
import { createRuntime, type Runtime } from '../create-runtime.ts';
import type { ExecutionContext, ExecutionError, ExecutionResult, JsonObject, ResourceAllocation } from '../machines/protocol/execution.ts';
import type { Fact } from '../machines/protocol/facts.ts';
import type { RunJob } from '../machines/protocol/run.ts';
import { compilePattern } from '../runtime/events/pattern.ts';
import { isTerminal } from '../runtime/journal/journal.ts';
import { MemoryJournal } from '../runtime/journal/memory-journal.ts';
import { foldStream } from '../runtime/journal/restoration.ts';
import type { RuntimeOptions } from '../runtime/options.ts';
import type { SwarmDefinition } from '../runtime/swarm/definition.ts';
import type { WorkflowDefinition } from '../runtime/workflow/schema.ts';
import { violations } from './invariants.ts';
import type { Pick } from './random.ts';
import { type Client, clientOf } from './simulated-client.ts';
import { settlePromises } from './virtual-clock.ts';
import { type ToolCall, World } from './world.ts';

/** `crash`, `unregister`: one of the agents, which is chosen. `pauseRun` and its like: one of the live runs below. `signal`: the one called `go`, to every run. `jump`: the clock goes forward at once, by up to a day, as when a machine was asleep. `pauseSystem`, `resumeSystem`: an operator opens the breaker of the system, and closes it. */
export type Control =
  | 'pause'
  | 'resume'
  | 'cancel'
  | 'approve'
  | 'retry'
  | 'reject'
  | 'abort'
  | 'crash'
  | 'unregister'
  | 'pauseRun'
  | 'resumeRun'
  | 'cancelRun'
  | 'signal'
  | 'jump'
  | 'pauseSystem'
  | 'resumeSystem';

export interface Story {
  /** A run of this workflow; or a swarm, when there is one. */
  readonly workflow?: WorkflowDefinition;
  readonly swarm?: SwarmDefinition;
  /** A second swarm, which starts beside it and is left alone. */
  readonly beside?: SwarmDefinition;
  readonly input?: JsonObject;
  readonly allocation?: Partial<ResourceAllocation>;
  /** The tools of the workflow, made in the world. */
  readonly tools: (world: World) => readonly AnyTool[];
  /** What the client does, in this order, at moments that are chosen. */
  readonly controls: readonly Control[];
  /** Types of messages between actors that may be delivered twice, such as `child.done`; each time it is chosen. */
  readonly repeats?: readonly string[];
  /** Where actors may crash, each time it is chosen: as they are about to record a fact of one of these types, which may be patterns. At most so often. */
  readonly crashes?: { readonly at: readonly string[]; readonly most: number };
  /** What else the runtime is given. */
  readonly options?: (world: World) => RuntimeOptions;
  /** By name: what must be true of the story once it has ended, besides what must be true of any. */
  readonly invariants?: Readonly<Record<string, (ended: Ended) => boolean>>;
  /** Number of the commit, of the first execution, with which its journal begins to fail. */
  readonly failsAt?: number;
}

/** A story that has ended, as an invariant of the user's sees it. */
export interface Ended {
  /** Of the first execution. */
  readonly result: ExecutionResult;
  /** All facts of its stream, in order. */
  readonly facts: readonly Fact[];
  /** All calls of tools, in the order in which they began. */
  readonly calls: readonly ToolCall[];
}

export interface SimulationReport {
  readonly violations: readonly string[];
  readonly result: ExecutionResult | undefined;
  readonly facts: readonly Fact[];
  /** How many facts there were after each commit: where a crash can cut the story. */
  readonly commits: readonly number[];
  readonly trace: readonly string[];
}

/** After so many steps a client looks whether something waits for it. */
const PATIENCE = 500;
/** More steps than any story of ours needs; a story that takes longer does not end. */
const MAX_STEPS = 2_000;

export async function simulate(pick: Pick, story: Story): Promise<SimulationReport> {
  const world = new World(pick, ({ from, type }) => from !== 'outside' && story.repeats?.includes(type) === true && pick(4) === 3);
  const journal = new CommitCounter(story.failsAt);
  const live = new LiveStates();
  let ids = 0;
  const options = story.options?.(world);
  const runtime = await createRuntime({
    tools: story.tools(world),
    clock: world.clock,
    carrier: world,
    journal,
    createId: () => `run-${++ids}`,
    inspect: (event) => live.see(event),
    ...options,
    ...((story.swarm || story.crashes || options?.faults) && { faults: { ...options?.faults, ...crashesOf(story, world, pick, live) } }),
  });
  const found: string[] = [];
  const client = clientOf(runtime, story, pick);
  const { execution } = client;
  const clients = [client, ...(story.beside ? [clientOf(runtime, { ...story, swarm: story.beside }, pick)] : [])];
  let result: ExecutionResult | undefined;
  let open = clients.length;
  for (const each of clients) {
    void each.execution.result().then((settled) => {
      if (each === client) result = settled;
      open--;
    });
  }
  const refused = (thrown: unknown): void => void found.push(...refusalOf(thrown));
  for (const control of story.controls)
    world.plan(control, () => (control === 'jump' ? world.jump() : void client.apply(control).catch(refused)));
  for (let steps = 0; open > 0; steps++) {
    if (steps > MAX_STEPS) {
      found.push(`not settled after ${MAX_STEPS} steps, still ${execution.status}`);
      break;
    }
    const isGoingOn = await world.step();
    if (isGoingOn && execution.status === 'paused') found.push(...workWhilePaused(world, execution.executionId));
    if (found.length > 0) break;
    // Where agents are watched there is always something that could happen.
    if (isGoingOn && (steps + 1) % PATIENCE !== 0) continue;
    const nudged = await Promise.all(clients.map((each) => nudge(each, refused)));
    if (!isGoingOn && !nudged.includes(true)) found.push(`stuck in "${execution.status}" with nothing that could happen`);
    await settlePromises();
    if (found.length > 0) break;
  }
  while (await world.step()) if (world.trace.length > 2 * MAX_STEPS) break;
  const facts = await journal.read(execution.executionId);
  for (const { executionId } of clients.map((each) => each.execution)) {
    const told = await journal.read(executionId);
    const isWhole = executionId !== journal.first || journal.failsAt === undefined || journal.failsAt > journal.commits.length;
    if (open === 0 && isWhole) found.push(...violations(told), ...live.differences(told));
  }
  if (open === 0) found.push(...lateEffects(world), ...busyAgents(runtime));
  if (result) found.push(...brokenBy(story, { result, facts, calls: world.calls }));
  const asked = open === 0 ? runtime.approvals.list() : [];
  if (asked.length > 0) found.push(`I2: people are still asked about ${asked.map(({ id }) => id).join(', ')} after the end`);
  const { executions, actorsWithTimers } = runtime.vitals;
  if (result && executions > 0) found.push(`I2: ${executions} executions live after the end`);
  // Agents that are watched are everybody's, and go on being watched.
  const watched = runtime.agents.list().filter(({ spec }) => spec.life?.heartbeat !== undefined).length;
  if (result && actorsWithTimers > watched) found.push(`I2: ${actorsWithTimers} actors have timers after the end`);
  await runtime.stop({ graceMs: 0 });
  if (world.clock.pending > 0) found.push(`I2: ${world.clock.pending} timers are set after stop`);
  return { violations: found, result, facts, commits: journal.commits, trace: world.trace };
}

/** One in so many facts. */
const CRASH_ODDS = 40;

function crashesOf({ crashes }: Story, world: World, pick: Pick, live: LiveStates): FaultHooks {
  if (!crashes) return {};
  const matchers = crashes.at.map(compilePattern);
  let left = crashes.most;
  const fact: FaultHooks['fact'] = ({ executionId, type }) => {
    if (left === 0 || !matchers.some((matches) => matches(type)) || pick(CRASH_ODDS) !== CRASH_ODDS - 1) return;
    left--;
    world.trace.push(`${executionId} crashes at ${type}`);
    live.crashed.add(executionId);
    throw new Error('simulated crash');
  };
  return { fact };
}

function brokenBy({ invariants = {} }: Story, ended: Ended): string[] {
  return Object.entries(invariants).flatMap(([name, holds]) => {
    try {
      return holds(ended) ? [] : [name];
    } catch (error) {
      return [`${name}: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
}

/** What is paused is resumed, and what waits is answered; anything else should have gone on by itself. */
async function nudge({ execution, apply, wake, isAsked, approve }: Client, refused: (thrown: unknown) => void): Promise<boolean> {
  if (isSettled(execution.status)) return false;
  if ((await apply('resumeSystem')) === true) return true;
  const isWoken = await wake().catch((thrown) => Boolean(refused(thrown)));
  if (execution.status === 'paused') void apply('resume').catch(refused);
  else if (execution.status === 'waiting' || isAsked()) {
    void approve().catch(refused);
    void apply('signal').catch(refused);
  } else return isWoken;
  return true;
}

/** I5: a control answers, and never rejects, but for a journal that has failed. */
const refusalOf = (thrown: unknown): string[] =>
  identityOf(thrown)?.code === 'JOURNAL_FAILED' ? [] : [`I5: a control was rejected with ${wrapTierError(thrown, 'tier1').message}`];

const isSettled = (status: string): boolean => status === 'completed' || status === 'failed' || status === 'cancelled';

/** I6: after the end no agent is busy. */
const busyAgents = (runtime: Runtime): string[] =>
  runtime.agents
    .list()
    .flatMap(({ spec, currentLoad }) => (currentLoad === 0 ? [] : [`I6: agent ${spec.id} still has ${currentLoad} leases`]));

/** Counts the commits of its first stream, and may fail in it. */
class CommitCounter extends MemoryJournal {
  readonly commits: number[] = [];
  readonly failsAt: number | undefined;
  first: string | undefined;

  constructor(failsAt: number | undefined) {
    super();
    this.failsAt = failsAt;
  }

  override append(stream: string, expectedSeq: number, facts: readonly Fact[]): undefined {
    this.first ??= stream;
    if (stream === this.first) this.commits.push(expectedSeq + facts.length);
    if (stream === this.first && this.commits.length === this.failsAt) throw new Error('simulated');
    super.append(stream, expectedSeq, facts);
  }
}

/** The folded state that each execution's actor last had, as the inspector saw it. */
class LiveStates {
  readonly #states = new Map<string, unknown>();
  /** Executions whose actor was made to crash. */
  readonly crashed = new Set<string>();

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
    const buried = new Set(facts.filter((fact) => this.#isLastWordOfAnother(fact)).map(({ executionId }) => executionId));
    return [...foldStream(facts)].flatMap(([executionId, folded]) =>
      buried.has(executionId) || JSON.stringify(folded) === JSON.stringify(this.#states.get(executionId))
        ? []
        : [`the facts of ${executionId} do not fold to its live state`],
    );
  }

  /** After a crash whoever supervises it records the end of it and of all below it, of which no actor knows. */
  #isLastWordOfAnother(fact: Fact): boolean {
    const { error } = fact.payload as { readonly error?: ExecutionError };
    if (!isTerminal(fact) || error?.code !== 'ACTOR_CRASHED') return false;
    return [...this.crashed].some((crashed) => fact.executionId === crashed || fact.executionId.startsWith(`${crashed}/`));
  }
}

/** In a paused run every call of a tool has ended, waits at its checkpoint, was aborted, or undoes a step of a run that ends. */
const workWhilePaused = ({ calls }: World, executionId: string): string[] =>
  calls
    .filter(({ context }) => context.execution.executionId.startsWith(`${executionId}/`))
    .filter(({ outcome, isAtCheckpoint, context }) => outcome === undefined && !isAtCheckpoint && !context.signal.aborted)
    .filter(({ context }) => !context.execution.executionId.endsWith('/undo'))
    .map(({ tool, context }) => `${tool} of ${context.execution.executionId} works while its run is paused`);

/** I7: no call of a tool begins after its execution's signal was aborted. */
function lateEffects(world: World): string[] {
  return world.calls.flatMap(({ tool, context, outcome }) =>
    outcome === undefined && !context.signal.aborted ? [`I7: ${tool} of ${context.execution.executionId} still runs after the end`] : [],
  );
}
