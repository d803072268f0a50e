/**
 * Simulates one run or one whole swarm: the order of messages, timers, tool outcomes, crashes of agents and the client's controls comes
 * from one source of choices.
 *
 * Whatever the order, it must settle, the invariants must hold, the facts must fold to the live state, and nothing may be left.
 */

import { identityOf, wrapTierError } from '../actors/failure.ts';
import type { AnyTool } from '../actors/tool.ts';
import type { Runtime } from '../create-runtime.ts';
import type { ExecutionResult, JsonObject, ResourceAllocation } from '../machines/protocol/execution.ts';
import type { Fact } from '../machines/protocol/facts.ts';
import type { RuntimeOptions } from '../runtime/options.ts';
import type { SwarmDefinition } from '../runtime/swarm/definition.ts';
import type { WorkflowDefinition } from '../runtime/workflow/schema.ts';
import { changedKeys, lostCommits, quarantined, wrongHeads } from './durable-invariants.ts';
import { violations } from './invariants.ts';
import type { Pick } from './random.ts';
import type { Client } from './simulated-client.ts';
import { unlike } from './simulated-endings.ts';
import { Lives } from './simulated-lives.ts';
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
  /**
   * The process may crash, at most so often, at moments that are chosen, and starts again on what its disk holds. The parts of each commit are
   * moments too: facts, heads, acknowledgement. Not together with `failsAt`.
   */
  readonly processCrashes?: number;
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
  const lives = await Lives.begin(world, story, pick);
  const found = lives.problems;
  const refused = (thrown: unknown): void => void found.push(...refusalOf(thrown));
  for (const control of story.controls)
    world.plan(control, () => (control === 'jump' ? world.jump() : void lives.client?.apply(control).catch(refused)));
  const maxSteps = lives.disk ? 4 * MAX_STEPS : MAX_STEPS;
  for (let steps = 0; !lives.isOver; steps++) {
    if (steps > maxSteps) {
      found.push(`not settled after ${maxSteps} steps, still ${lives.status}`);
      break;
    }
    const isGoingOn = await world.step();
    if (isGoingOn && lives.status === 'paused') found.push(...workWhilePaused(world, lives.ids[0] ?? ''));
    if (found.length > 0) break;
    // Where agents are watched there is always something that could happen.
    if (isGoingOn && (steps + 1) % PATIENCE !== 0) continue;
    const nudged = await lives.during(Promise.all(lives.clients.map((each) => nudge(each, refused))));
    if (!isGoingOn && lives.runtime && nudged?.includes(true) === false)
      found.push(`stuck in "${lives.status}" with nothing that could happen`);
    await settlePromises();
    if (found.length > 0) break;
  }
  await lives.calm(MAX_STEPS);
  const [first = ''] = lives.ids;
  const facts = await lives.journal.read(first);
  if (lives.isOver)
    found.push(...(await brokenStreams(lives, story)), ...lateEffects(world), ...(lives.runtime ? leftIn(lives.runtime) : []));
  const result = lives.results.get(first);
  if (result) found.push(...brokenBy(story, { result, facts, calls: world.calls }));
  await lives.stop();
  if (lives.disk && lives.isOver) found.push(...wrongHeads(lives.disk), ...changedKeys(world.calls));
  if (world.clock.pending > 0) found.push(`I2: ${world.clock.pending} timers are set after stop`);
  return { violations: found, result, facts, commits: lives.log.commits, trace: world.trace };
}

/** Of each stream of the story: the invariants, and that its facts are what its actors lived through and what somebody was told. */
async function brokenStreams({ ids, journal, log, states, results, disk }: Lives, { failsAt }: Story): Promise<string[]> {
  const found: string[] = [];
  for (const id of ids) {
    const told = await journal.read(id);
    const isWhole = id !== log.first || failsAt === undefined || failsAt > log.commits.length;
    if (isWhole) found.push(...violations(told), ...states.differences(told));
    const result = results.get(id);
    if (disk && result) found.push(...unlike(result, told));
  }
  if (disk) found.push(...(await lostCommits(log, journal)), ...(await quarantined(journal)));
  return found;
}

/** I2 and I6: after the end nobody is asked, nothing lives, and no agent is busy. */
function leftIn(runtime: Runtime): string[] {
  const found = busyAgents(runtime);
  const asked = runtime.approvals.list();
  if (asked.length > 0) found.push(`I2: people are still asked about ${asked.map(({ id }) => id).join(', ')} after the end`);
  const { executions, actorsWithTimers } = runtime.vitals;
  if (executions > 0) found.push(`I2: ${executions} executions live after the end`);
  // Agents that are watched are everybody's, and go on being watched.
  const watched = runtime.agents.list().filter(({ spec }) => spec.life?.heartbeat !== undefined).length;
  if (actorsWithTimers > watched) found.push(`I2: ${actorsWithTimers} actors have timers after the end`);
  return found;
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
