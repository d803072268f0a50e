/**
 * A deterministic world for one runtime: every message, every timer and every tool outcome waits until it is chosen.
 *
 * One `pick` decides what comes next, so the same choices give the same story. Messages of one sender to one receiver keep their order;
 * timers fire in order of their due time.
 */

import type { Carrier, Letter } from '../actors/post-office.ts';
import type { AnyTool, ToolContext } from '../actors/tool.ts';
import type { Json } from '../machines/protocol/execution.ts';
import type { Pick } from './random.ts';
import { VirtualClock } from './virtual-clock.ts';

/** Something that can happen next. */
export interface Possibility {
  readonly label: string;
  readonly happen: () => void;
}

/** A call of a simulated tool, from its start until it ends. */
export interface ToolCall {
  readonly tool: string;
  readonly context: ToolContext;
  /** Index of the world's step at which it began. */
  readonly startedAt: number;
  endedAt: number | undefined;
  /** It waits to be resumed. */
  isAtCheckpoint: boolean;
  /** `lost`: its process crashed meanwhile. */
  outcome: 'succeeded' | 'failed' | 'hung' | 'aborted' | 'lost' | undefined;
}

/**
 * How a simulated tool may end; `hang` ends only when aborted, `deaf` not even then. `slow` succeeds after up to two minutes of the clock,
 * `late` succeeds whenever it is chosen, also after it was aborted.
 */
export type ToolOutcome = 'succeed' | 'fail' | 'hang' | 'deaf' | 'checkpoint' | 'slow' | 'late';

const SLOWEST_MS = 120_000;
const JUMPS_MS = [1_000, 60_000, 3_600_000, 86_400_000] as const;

export class World implements Carrier {
  readonly clock = new VirtualClock();
  readonly trace: string[] = [];
  readonly calls: ToolCall[] = [];
  readonly #pick: Pick;
  readonly #mail = new Map<string, Letter[]>();
  readonly #outcomes: Possibility[] = [];
  readonly #script: Possibility[] = [];
  readonly #isRepeated: (letter: Letter) => boolean;
  #threat: (() => Possibility | undefined) | undefined;

  /** @param isRepeated Whether a letter is delivered twice. */
  constructor(pick: Pick, isRepeated: (letter: Letter) => boolean = () => false) {
    this.#pick = pick;
    this.#isRepeated = isRepeated;
  }

  carry(letter: Letter): void {
    this.#queue(letter);
    if (this.#isRepeated(letter)) this.#queue({ ...letter, type: `${letter.type}, again`, open: () => letter.open() });
  }

  #queue(letter: Letter): void {
    const pair = `${letter.from} → ${letter.to}`;
    const queue = this.#mail.get(pair);
    if (queue) queue.push(letter);
    else this.#mail.set(pair, [letter]);
  }

  /** Something that a client does, in order, at a moment that is chosen. */
  plan(label: string, happen: () => void): void {
    this.#script.push({ label: `client: ${label}`, happen });
  }

  /** Something that may put an end to all that goes on, besides what else can happen: asked for before each step. */
  threaten(threat: () => Possibility | undefined): void {
    this.#threat = threat;
  }

  /** Letters, timers and calls are gone with the process that they belong to. What clients have planned stays. */
  crash(): void {
    this.#mail.clear();
    this.#outcomes.length = 0;
    this.clock.clear();
    for (const call of this.calls) {
      call.endedAt ??= this.trace.length;
      call.outcome ??= 'lost';
    }
  }

  /** Resolves when it is chosen to. */
  moment(label: string): Promise<void> {
    return new Promise((resolve) => {
      const possibility: Possibility = {
        label,
        happen: () => {
          this.#withdraw(possibility);
          resolve();
        },
      };
      this.#outcomes.push(possibility);
    });
  }

  /** The clock goes forward at once, by as much as is chosen. */
  jump(): void {
    this.clock.jump(this.choose(JUMPS_MS));
  }

  choose<Value>(values: readonly [Value, ...Value[]]): Value {
    return values[values.length === 1 ? 0 : this.#pick(values.length)] ?? values[0];
  }

  /** A tool whose calls end as chosen, when chosen. Returns its parameters. */
  tool(name: string, outcomes: readonly [ToolOutcome, ...ToolOutcome[]], more: Partial<AnyTool> = {}): AnyTool {
    return { name, ...more, run: (parameters: Json, context) => this.#call(name, parameters, context, outcomes) };
  }

  /** Lets one possibility happen, and everything that follows from it without a choice. False when there is none. */
  async step(): Promise<boolean> {
    const possibilities = this.#possibilities();
    if (possibilities.length === 0) return false;
    const chosen = possibilities[possibilities.length === 1 ? 0 : this.#pick(possibilities.length)];
    if (!chosen) return false;
    this.trace.push(chosen.label);
    chosen.happen();
    await oneTurn();
    return true;
  }

  #possibilities(): Possibility[] {
    const possible: Possibility[] = [];
    for (const [pair, queue] of this.#mail) {
      const letter = queue[0];
      if (letter) possible.push({ label: `${pair}: ${letter.type}`, happen: () => this.#open(pair, queue) });
    }
    possible.push(...this.#outcomes);
    const [next] = this.#script;
    if (next) possible.push({ label: next.label, happen: () => this.#script.shift()?.happen() });
    const dueAt = this.clock.nextDueAt;
    if (dueAt !== undefined && this.#timeMayPass(dueAt, possible.length)) {
      possible.push({ label: `timer at +${Math.max(0, dueAt - this.clock.now())} ms`, happen: () => void this.clock.fireNext() });
    }
    const threat = this.#threat?.();
    if (threat) possible.push(threat);
    return possible;
  }

  /** While something else can happen time passes seldom, and never by more than an hour: else most stories would be of timeouts. */
  #timeMayPass(dueAt: number, others: number): boolean {
    return others === 0 || (dueAt - this.clock.now() <= 3_600_000 && this.#pick(6) === 5);
  }

  #open(pair: string, queue: Letter[]): void {
    queue.shift()?.open();
    if (queue.length === 0) this.#mail.delete(pair);
  }

  async #call(tool: string, parameters: Json, context: ToolContext, outcomes: readonly [ToolOutcome, ...ToolOutcome[]]): Promise<Json> {
    const call: ToolCall = { tool, context, startedAt: this.trace.length, endedAt: undefined, isAtCheckpoint: false, outcome: undefined };
    this.calls.push(call);
    const end = (outcome: ToolCall['outcome']) => {
      call.outcome = outcome;
      call.endedAt = this.trace.length;
    };
    for (let pauses = 0; ; pauses++) {
      const kind = await this.#outcome(`${tool}(${context.stepId}, attempt ${context.attempt})`, context, outcomes);
      if (kind === 'checkpoint' && pauses < 3) {
        call.isAtCheckpoint = true;
        await context.checkpoint();
        call.isAtCheckpoint = false;
        continue;
      }
      if (kind === 'aborted') {
        end('aborted');
        throw new Error('aborted');
      }
      if (kind === 'fail') {
        end('failed');
        throw new Error(`${tool} failed`);
      }
      end('succeeded');
      return parameters;
    }
  }

  #outcome(label: string, { signal }: ToolContext, outcomes: readonly [ToolOutcome, ...ToolOutcome[]]): Promise<ToolOutcome | 'aborted'> {
    const kind = this.choose(outcomes);
    return new Promise((resolve) => {
      const offer = (what: string, value: ToolOutcome | 'aborted'): Possibility => {
        const possibility: Possibility = {
          label: `${label}: ${what}`,
          happen: () => {
            this.#withdraw(possibility);
            resolve(value);
          },
        };
        this.#outcomes.push(possibility);
        return possibility;
      };
      if (kind === 'deaf') return;
      const own = kind === 'hang' || kind === 'slow' ? undefined : offer(kind, kind);
      if (kind === 'late') return;
      const timer = kind === 'slow' ? this.clock.setTimeout(() => resolve(kind), 1 + this.#pick(SLOWEST_MS)) : undefined;
      const onAbort = () => {
        if (own) this.#withdraw(own);
        this.clock.clearTimeout(timer);
        offer('aborted', 'aborted');
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #withdraw(possibility: Possibility): void {
    const index = this.#outcomes.indexOf(possibility);
    if (index >= 0) this.#outcomes.splice(index, 1);
  }
}

/** Nothing here puts anything off, so one turn of the event loop settles all promises. */
const oneTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
