/** A chart as a live actor on a virtual clock, and what must hold after every event that it hears. */

import assert from 'node:assert/strict';
import { isCollection } from 'immutable';
import {
  type AnyActor,
  type AnyActorRef,
  type AnyStateMachine,
  createActor,
  type EventObject,
  fromCallback,
  type NonReducibleUnknown,
} from 'xstate';
import type { CommitParams } from '../../../src/machines/effects.ts';
import type { ExecutionContext } from '../../../src/machines/protocol/execution.ts';
import type { Evolve, FactBody } from '../../../src/machines/protocol/facts.ts';
import type { CoverageRecorder } from '../../../src/testing/coverage.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

export interface Folded {
  readonly phase: string;
  readonly at: number;
}

/** A chart with inert ports, and how to start, fold and judge it. */
export interface Subject<State extends Folded, Input extends object> {
  readonly chart: AnyStateMachine;
  readonly fold: (facts: readonly FactBody[], from?: State) => State;
  /** The input of an actor that goes on from a fold. */
  readonly restored: (input: Input, state: State) => Input;
  readonly isTerminal: (fact: FactBody) => boolean;
  /** Phases that a restart leaves for another, where it does. */
  readonly restoresTo?: Readonly<Record<string, string>>;
  /** What else must hold. `hasCrashed`: the actor has an earlier life. */
  readonly check?: (live: LiveChart<State, Input>) => void;
}

/** An actor that hears everything and says nothing. */
export const inert = <Command extends EventObject, Input extends NonReducibleUnknown>() => fromCallback<Command, Input>(() => {});

interface OwnJournal {
  readonly executionId: string | undefined;
  readonly append: (facts: readonly FactBody[]) => void;
}
const journals = new WeakMap<AnyActorRef, OwnJournal>();

/** The `commit` action of a chart under test. Facts of other executions, such as a crashed child's last one, are not its own. */
export const commitOf =
  (tier: CommitParams['tier']) =>
  ({ self }: { readonly self: AnyActorRef }, params: CommitParams): void => {
    const journal = journals.get(self);
    if (params.tier === tier && (journal?.executionId ?? params.execution.executionId) === params.execution.executionId)
      journal?.append(params.facts);
  };

export const folding =
  <State, Body extends FactBody>(evolve: Evolve<State, Body>, fresh: State) =>
  (facts: readonly FactBody[], from = fresh): State =>
    (facts as readonly Body[]).reduce(evolve, from);

/** What a crash leaves behind. */
interface Life {
  readonly facts: readonly FactBody[];
  readonly commits: ReadonlySet<number>;
}
const FIRST_LIFE: Life = { facts: [], commits: new Set() };

export class LiveChart<State extends Folded, Input extends object> {
  readonly clock: VirtualClock;
  /** Facts of this life, in order. */
  readonly facts: FactBody[] = [];
  /** Facts of all lives. */
  readonly history: readonly FactBody[];
  /** It goes on from a part of a commit, which no journal leaves behind. */
  readonly isTorn: boolean;
  readonly actor: AnyActor;
  readonly #subject: Subject<State, Input>;
  readonly #input: Input;
  readonly #recorder: CoverageRecorder;
  #folded: State;
  #foldedFacts = 0;
  #lastAt: number;
  /** How many facts there were after each commit. */
  readonly #commits: Set<number>;
  #error: unknown;

  constructor(subject: Subject<State, Input>, input: Input, recorder: CoverageRecorder, earlier: Life = FIRST_LIFE) {
    this.#subject = subject;
    this.#input = input;
    this.#recorder = recorder;
    this.history = earlier.facts;
    this.#commits = new Set(earlier.commits);
    this.isTorn = earlier.facts.length > 0 && !this.#commits.has(earlier.facts.length);
    this.#folded = subject.fold(earlier.facts.map(asJson));
    this.#lastAt = this.#folded.at;
    this.clock = new VirtualClock(Math.max(this.#folded.at, 'at' in input ? Number(input.at) : 0));
    const given = earlier.facts.length === 0 ? input : subject.restored(input, this.#folded);
    this.actor = createActor(subject.chart, { input: given, clock: this.clock as never, inspect: recorder.inspect });
    const { execution } = input as { readonly execution?: ExecutionContext };
    const append = (facts: readonly FactBody[]) => {
      this.facts.push(...facts);
      this.#commits.add(this.history.length + this.facts.length);
    };
    journals.set(this.actor, { executionId: execution?.executionId, append });
    this.actor.subscribe({ error: (error) => (this.#error = error) });
    this.actor.start();
    this.check();
  }

  get state(): State {
    return this.actor.getSnapshot().context.state;
  }

  get isSettled(): boolean {
    return this.actor.getSnapshot().status !== 'active';
  }

  get hasCrashed(): boolean {
    return this.history.length > 0;
  }

  get allFacts(): readonly FactBody[] {
    return [...this.history, ...this.facts];
  }

  /** The chart's state value as a path. */
  get place(): string {
    return pathOf(this.actor.getSnapshot().value);
  }

  /** Delivers one event: a timer by letting it fall due, any other at its own time. */
  hear(event: EventObject & { readonly at?: number }): void {
    if (event.type.startsWith('xstate.after.')) assert.ok(this.clock.fireNext(), `No timer is set for ${event.type}`);
    else {
      this.wait((event.at ?? this.clock.now()) - this.clock.now());
      // A timer may have been what it would say.
      if (!this.isSettled) this.actor.send(event);
    }
  }

  /** Lets time pass; what falls due fires. */
  wait(ms: number): void {
    this.clock.advance(Math.max(0, ms));
  }

  /** Ends this life and begins the next from the committed facts alone. */
  crash(): LiveChart<State, Input> {
    this.actor.stop();
    return new LiveChart(this.#subject, this.#input, this.#recorder, { facts: this.allFacts, commits: this.#commits });
  }

  /** Throws unless everything holds that must hold between two events. */
  check(): void {
    assert.equal(this.#error, undefined);
    assert.notEqual(this.actor.getSnapshot().status, 'error');
    assert.equal(this.state.phase, this.place, 'the phase is not the state');
    const news = this.facts.slice(this.#foldedFacts);
    this.#foldedFacts = this.facts.length;
    this.#folded = this.#subject.fold(news.map(asJson), this.#folded);
    assert.deepStrictEqual(comparable(this.#folded), comparable(this.state), 'the facts do not fold to the state');
    for (const { at, type } of news) {
      assert.ok(at >= this.#lastAt, `${type} goes back in time`);
      this.#lastAt = at;
    }
    const terminal = this.allFacts.findIndex(this.#subject.isTerminal);
    if (terminal !== -1) assert.equal(terminal, this.allFacts.length - 1, 'a fact follows the terminal fact');
    assert.equal(this.#subject.isTerminal(this.allFacts.at(-1) ?? NOTHING), this.isSettled, 'settled with and only with a terminal fact');
    this.#subject.check?.(this);
  }

  /** Starts a fresh actor from every prefix of the facts that is longer than `known`. */
  checkRestorations(known = 0): void {
    const facts = this.allFacts;
    for (let length = known + 1; length <= facts.length; length++) this.#checkRestoration(facts.slice(0, length));
  }

  #checkRestoration(prefix: readonly FactBody[]): void {
    const { phase: left } = this.#subject.fold(prefix);
    const phase = this.#subject.restoresTo?.[left] ?? left;
    const restored = new LiveChart(this.#subject, this.#input, this.#recorder, { facts: prefix, commits: this.#commits });
    if (restored.facts.length > 0) {
      const state = `${this.#subject.chart.id}.${phase}`;
      assert.ok(restored.leaves(state), `restored to ${phase}, it recorded ${restored.facts.map(({ type }) => type).join(', ')}`);
    } else assert.equal(restored.place, phase, 'restored to another state');
    if (prefix.length === this.allFacts.length && this.isSettled) {
      assert.deepStrictEqual(restored.actor.getSnapshot().output, this.actor.getSnapshot().output, 'restored with another output');
    }
    restored.actor.stop();
  }

  /** Whether a state of this id has a transition that needs no event. */
  leaves(state: string): boolean {
    return this.actor.logic.getStateNodeById(state).always !== undefined;
  }
}

const NOTHING: FactBody = { type: '', at: 0, payload: null };

const copies = new WeakMap<FactBody, FactBody>();

/** The fact as a journal gives it back. */
function asJson(fact: FactBody): FactBody {
  const copy: FactBody = copies.get(fact) ?? JSON.parse(JSON.stringify(fact));
  copies.set(fact, copy);
  return copy;
}

const pathOf = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : Object.entries(value as object)
        .map(([key, inner]) => `${key}.${pathOf(inner)}`)
        .join();

/** Persistent collections with the same items may differ inside. */
function comparable(state: object): object {
  const entries = Object.entries(state).map(([key, value]) => [key, isCollection(value) ? value.toJSON() : value]);
  return Object.fromEntries(entries);
}
