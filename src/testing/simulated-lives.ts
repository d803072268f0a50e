/**
 * The lives of a simulated process: one, or, when it may crash, one after the other on the same disk.
 *
 * A crash leaves nothing but the disk. What is there must be all that anybody was told, must be sound, and must be enough to go on from.
 */

import { wrapTierError } from '../actors/failure.ts';
import type { FaultHooks } from '../actors/faults.ts';
import type { AnyTool } from '../actors/tool.ts';
import { createRuntime, type Runtime } from '../create-runtime.ts';
import type { ExecutionResult } from '../machines/protocol/execution.ts';
import { compilePattern } from '../runtime/events/pattern.ts';
import type { Journal } from '../runtime/journal/journal.ts';
import { repeatedCall } from './durable-invariants.ts';
import { textOf } from './exploration.ts';
import { LiveStates } from './live-states.ts';
import type { Pick } from './random.ts';
import { type Client, clientOf, startedBy } from './simulated-client.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { resultIn } from './simulated-endings.ts';
import { CommitLog, FailingJournal, SimulatedJournal } from './simulated-journals.ts';
import type { Story } from './simulation.ts';
import { settlePromises } from './virtual-clock.ts';
import type { Possibility, World } from './world.ts';

/** Of each fact, that its actor crashes; of each step, that a crash of the process is among what can happen. */
const ACTOR_ODDS = 40;
const PROCESS_ODDS = 12;
/** How long a process may be down. */
const DOWN_MS = [0, 0, 1_000, 60_000, 3_600_000] as const;

interface Life {
  readonly runtime: Runtime;
  /** Of the executions that have not ended. */
  readonly clients: ReadonlyMap<number, Client>;
}

export class Lives {
  readonly disk: SimulatedDisk | undefined;
  readonly log = new CommitLog();
  readonly states = new LiveStates();
  /** Ids of the executions that the story tells of, and the results of those that have ended. */
  readonly ids: string[] = [];
  readonly results = new Map<string, ExecutionResult>();
  /** What was found to be wrong on the way. */
  readonly problems: string[] = [];
  readonly #world: World;
  readonly #story: Story;
  readonly #pick: Pick;
  readonly #stories: readonly Story[];
  #tools: readonly AnyTool[] | undefined;
  #minted = 0;
  #crashesLeft: number;
  /** Which life it is. */
  #number = 0;
  #journal: Journal | undefined;
  #life: Life | undefined;

  private constructor(world: World, story: Story, pick: Pick) {
    this.#world = world;
    this.#story = story;
    this.#pick = pick;
    this.#crashesLeft = story.processCrashes ?? 0;
    this.#stories = [story, ...(story.beside ? [{ ...story, swarm: story.beside }] : [])];
    if (story.processCrashes === undefined) return;
    this.disk = new SimulatedDisk();
    for (const index of this.#stories.keys()) this.ids.push(`run-${index + 1}`);
    this.#minted = this.ids.length;
  }

  /** Everything that the story tells of is started. */
  static async begin(world: World, story: Story, pick: Pick): Promise<Lives> {
    const lives = new Lives(world, story, pick);
    if (lives.disk) world.threaten(() => lives.#threat());
    await lives.during(lives.#live());
    return lives;
  }

  /** Undefined while the process is down, or comes up. */
  get runtime(): Runtime | undefined {
    return this.#life?.runtime;
  }

  get journal(): Journal {
    if (!this.#journal) throw new Error('The simulated process was never started');
    return this.#journal;
  }

  /** Those whose executions have not ended. */
  get clients(): readonly Client[] {
    return [...(this.#life?.clients.values() ?? [])];
  }

  /** Of the first execution, until it has ended. */
  get client(): Client | undefined {
    return this.#life?.clients.get(0);
  }

  get status(): string {
    return this.client?.execution.status ?? (this.#life ? 'ended' : 'down');
  }

  get isOver(): boolean {
    return this.results.size === this.#stories.length;
  }

  /** What somebody waits for needs the world to go on; undefined when the process crashed meanwhile, or it never comes. */
  async during<Value>(waiting: Promise<Value>): Promise<Value | undefined> {
    if (!this.disk) return waiting;
    const life = this.#number;
    let isSettled = false;
    const settled = waiting.finally(() => {
      isSettled = true;
    });
    for (;;) {
      await settlePromises();
      if (isSettled) return settled;
      if (life !== this.#number || !(await this.#world.step())) return undefined;
    }
  }

  /** From now on it does not crash, and what goes on comes to its end. */
  async calm(maxSteps: number): Promise<void> {
    this.#crashesLeft = 0;
    for (let steps = 0; steps < maxSteps && (await this.#world.step()); steps++);
  }

  async stop(): Promise<void> {
    await this.during(this.#life?.runtime.stop({ graceMs: 0 }) ?? Promise.resolve());
  }

  #threat(): Possibility | undefined {
    if (this.#crashesLeft === 0 || this.isOver || this.#pick(PROCESS_ODDS) !== PROCESS_ODDS - 1) return undefined;
    return { label: 'the process crashes', happen: () => this.#crash() };
  }

  #crash(): void {
    this.#crashesLeft--;
    this.#life = undefined;
    if (this.disk) this.disk.holder = undefined;
    this.#world.crash();
    this.states.forget();
    this.#world.clock.jump(this.#world.choose(DOWN_MS));
    this.#live().catch((thrown: unknown) => this.problems.push(`it does not start again: ${wrapTierError(thrown, 'tier1').message}`));
  }

  async #live(): Promise<void> {
    this.#number++;
    const story = this.#story;
    const world = this.#world;
    const options = story.options?.(world);
    this.#tools ??= story.tools(world).map((tool) => this.#watched(tool));
    this.#journal = this.#newJournal();
    const runtime = await createRuntime({
      tools: this.#tools,
      clock: world.clock,
      carrier: world,
      journal: this.#journal,
      createId: () => `run-${++this.#minted}`,
      inspect: (event) => this.states.see(event),
      ...options,
      ...((story.swarm || story.crashes || options?.faults) && { faults: { ...options?.faults, ...this.#crashes() } }),
    });
    const clients = new Map<number, Client>();
    for (const [index, each] of this.#stories.entries()) {
      const client = await this.#clientOf(runtime, each, index);
      if (client) clients.set(index, client);
    }
    this.#life = { runtime, clients };
  }

  /** Finds fault with a call of a step that has ended. */
  #watched(tool: AnyTool): AnyTool {
    const { disk, problems } = this;
    if (!disk) return tool;
    const run: AnyTool['run'] = (parameters, context) => {
      problems.push(...repeatedCall(context, disk));
      return tool.run(parameters, context);
    };
    return { ...tool, run };
  }

  #newJournal(): Journal {
    const { disk, log } = this;
    if (!disk) return new FailingJournal(log, this.#story.failsAt);
    return new SimulatedJournal(log, disk, this.#world.clock, (label) => this.#world.moment(label));
  }

  /** A client starts what nobody knows of, and holds on to what is there. */
  async #clientOf(runtime: Runtime, story: Story, index: number): Promise<Client | undefined> {
    const id = this.ids[index];
    const facts = id === undefined || !this.#journal ? [] : await this.#journal.read(id);
    const ended = resultIn(facts);
    if (ended && id !== undefined) {
      this.results.set(id, this.results.get(id) ?? ended);
      return undefined;
    }
    const goingOn = id === undefined ? undefined : runtime.executions.get(id);
    if (facts.length > 0 && !goingOn) throw new Error(`${id} has not ended, and does not go on: ${textOf(runtime.executions.outcome)}`);
    const execution = goingOn ?? startedBy(runtime, story, id);
    this.ids[index] = execution.executionId;
    const life = this.#number;
    void execution.result().then((result) => {
      if (life === this.#number) this.results.set(execution.executionId, result);
    });
    return clientOf(runtime, execution, this.#pick);
  }

  #crashes(): FaultHooks {
    const { crashes } = this.#story;
    if (!crashes) return {};
    const matchers = crashes.at.map(compilePattern);
    let left = crashes.most;
    const fact: FaultHooks['fact'] = ({ executionId, type }) => {
      if (left === 0 || !matchers.some((matches) => matches(type)) || this.#pick(ACTOR_ODDS) !== ACTOR_ODDS - 1) return;
      left--;
      this.#world.trace.push(`${executionId} crashes at ${type}`);
      this.states.crashed.add(executionId);
      throw new Error('simulated crash');
    };
    return { fact };
  }
}
