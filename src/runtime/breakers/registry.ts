/** The circuit breakers of a runtime, by scope and key: one actor for each, started when it is first needed. */

import { type Actor, type AnyActorRef, createActor } from 'xstate';
import type { Clock } from '../../actors/clock.ts';
import type { FaultHooks } from '../../actors/faults.ts';
import { guarded } from '../../actors/guarded.ts';
import type { Breakers, Counters, Guard, Permit } from '../../actors/services.ts';
import type { Logger } from '../../actors/tool.ts';
import { admits, type BreakerPhase, type BreakerState, CLOSED } from '../../machines/breaker.fold.ts';
import { type BreakerInput, breakerMachine, type CircuitBreaker } from '../../machines/breaker.machine.ts';
import type { CommitParams } from '../../machines/effects.ts';
import type { LeaseOutcome } from '../../machines/protocol/agent.ts';
import {
  type BreakerCommand,
  type BreakerFact,
  type BreakerKey,
  type BreakerScope,
  DEFAULT_BREAKER,
} from '../../machines/protocol/breaker.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { ExecutionContext } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { FactStream, type FactStreamOptions } from '../journal/fact-stream.ts';
import type { Journal } from '../journal/journal.ts';
import { publishedStream } from '../journal/published-stream.ts';
import { type Audit, checkAudit, checkCall, checkKey, type GuardedCall, SYSTEM } from './doors.ts';
import { type ScopeOptions, withFigures } from './options.ts';
import { isForgotten, remembered } from './records.ts';
import { type BreakerSnapshot, snapshotOf } from './snapshot.ts';

export interface BreakersServices {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly options: ScopeOptions;
  readonly parent: () => AnyActorRef | undefined;
  readonly log: Logger;
  readonly faults: FaultHooks;
  readonly journal: Journal;
  readonly publish: (facts: readonly Fact[]) => void;
  /** What facts become before they are written. */
  readonly checked?: FactStreamOptions['checked'];
  /** What guards something that there is, though nobody has called it; undefined for what is unknown or has no breaker. */
  readonly known: (key: BreakerKey) => Guard | undefined;
  /** Hears of what breakers record, as soon as they do: while they still act, so that it must not send them anything. */
  readonly noted: (fact: BreakerFact) => void;
}

type BreakerActor = Actor<CircuitBreaker>;
type End = Extract<BreakerCommand['type'], 'breaker.succeeded' | 'breaker.failed' | 'breaker.released'>;

/** Beyond that no key of a caller's own choice is taken. */
const MOST_BREAKERS = 10_000;

const idOf = ({ scope, key }: BreakerKey): string =>
  scope === SYSTEM.scope && key === SYSTEM.key ? 'breaker/system' : `breaker/${scope}/${key}`;
/** The agents of a swarm's own come and go with it, and so does what is known of them. */
const isOfSwarm = (name: string): boolean => name.startsWith('breaker/agent/') && name.split('/').length > 3;
const stateOf = (actor: BreakerActor): BreakerState => actor.getSnapshot().context.state;

export class BreakerRegistry implements Breakers {
  readonly #services: BreakersServices;
  readonly #logic: CircuitBreaker;
  readonly #actors = new Map<string, BreakerActor>();
  /** Of those that ever recorded anything, also when what they guarded is gone: the numbers of a stream in the journal go on. */
  readonly #streams = new Map<string, FactStream>();
  #permits = 0;
  #isStopped = false;

  constructor(services: BreakersServices) {
    this.#services = services;
    const commit = (_: unknown, params: CommitParams) => this.#commit(params);
    this.#logic = breakerMachine.provide({ actions: { commit, countStale: () => void services.counters.stale++ } });
  }

  /** Those that something went through, and those that somebody opened by hand. */
  list(): readonly BreakerSnapshot[] {
    return [...this.#actors.values()].map((actor) => snapshotOf(actor.getSnapshot().context, stateOf(actor)));
  }

  /** Undefined for what is unknown or has no breaker. Throws INVALID_VALUE for a scope that there is not. */
  get(scope: 'system', key?: string): BreakerSnapshot | undefined;
  get(scope: BreakerScope, key: string): BreakerSnapshot | undefined;
  get(scope: BreakerScope, key?: string): BreakerSnapshot | undefined {
    const at = checkKey(scope, key);
    const actor = this.#actors.get(idOf(at));
    if (actor) return snapshotOf(at, stateOf(actor));
    return this.#known(at) && snapshotOf(at, CLOSED);
  }

  /**
   * Nobody may call until somebody closes or resets it. These three are false for what is unknown, and when it is so already; they throw
   * INVALID_VALUE for what makes no sense. `by` stands in the fact.
   */
  forceOpen(scope: 'system', audit?: Audit): boolean;
  forceOpen(scope: BreakerScope, key: string, audit?: Audit): boolean;
  forceOpen(scope: BreakerScope, ...rest: readonly unknown[]): boolean {
    return this.#byHand('breaker.forceOpen', scope, rest);
  }

  /** Everybody may call, and no failure is remembered. */
  forceClose(scope: 'system', audit?: Audit): boolean;
  forceClose(scope: BreakerScope, key: string, audit?: Audit): boolean;
  forceClose(scope: BreakerScope, ...rest: readonly unknown[]): boolean {
    return this.#byHand('breaker.forceClose', scope, rest);
  }

  /** An open one lets a probe through now. */
  reset(scope: 'system', audit?: Audit): boolean;
  reset(scope: BreakerScope, key: string, audit?: Audit): boolean;
  reset(scope: BreakerScope, ...rest: readonly unknown[]): boolean {
    return this.#byHand('breaker.reset', scope, rest);
  }

  /**
   * Runs work through the breaker of a layer or a provider, and returns or throws what it does. Throws CIRCUIT_OPEN without running it while
   * that is open. What it throws counts, except errors of class validation and cancelled work.
   */
  async guard<T>(call: GuardedCall, work: () => T | Promise<T>): Promise<T> {
    const { scope, key, signal } = checkCall(call, work);
    if (this.#isStopped) throw new SwarmchartError('RUNTIME_STOPPED', 'The runtime has been stopped');
    if (!this.#actors.has(idOf({ scope, key }))) this.#makeRoom();
    return guarded({ breakers: this }, [{ scope, key }], signal, work);
  }

  enter(guards: readonly Guard[]): { readonly permit: Permit } | { readonly openAt: BreakerKey } {
    const passed: (() => Permit)[] = [];
    for (const guard of guards) {
      if (!this.#isUsed(guard)) continue;
      const actor = this.#actorOf(guard);
      if (!admits(stateOf(actor))) return { openAt: { scope: guard.scope, key: guard.key } };
      passed.push(() => this.#permit(guard, actor));
    }
    const permits = passed.map((pass) => pass());
    return { permit: permits.length === 1 && permits[0] ? permits[0] : joint(permits) };
  }

  /** Books what says something though nobody asked for a permit. While it is not closed, only a probe says anything. */
  count(guard: Guard, outcome: LeaseOutcome): void {
    if (this.#isUsed(guard) && this.phaseOf(guard) === 'closed') this.#end(guard, 0, `breaker.${outcome}`);
  }

  /** One that was never needed is closed. */
  phaseOf(key: BreakerKey): BreakerPhase {
    const actor = this.#actors.get(idOf(key));
    return actor ? stateOf(actor).phase : 'closed';
  }

  /** What it guarded is gone. */
  drop({ scope, key }: BreakerKey): void {
    const id = idOf({ scope, key });
    const actor = this.#actors.get(id);
    if (!actor) return;
    actor.send({ type: 'xstate.stop' } as never);
    this.#actors.delete(id);
    const { execution } = actor.getSnapshot().context;
    const removed: BreakerFact = { type: 'breaker/removed', at: this.#services.clock.now(), payload: { scope, key } };
    this.#streams.get(id)?.record({ execution, tier: 'tier3', facts: [removed] });
    if (isOfSwarm(id)) this.#streams.delete(id);
  }

  /** Before anything else happens: what the breakers of an earlier life of this runtime had recorded. */
  async restore(): Promise<void> {
    for await (const { name, seq, key, state } of remembered(this.#services.journal)) {
      this.#streams.set(name, this.#openStream(name, seq));
      if (isForgotten(state) || !this.#isUsed(key)) continue;
      this.#permits = Math.max(this.#permits, state.permit);
      const actor = this.#actorOf(this.#services.known(key) ?? key, state);
      const at = this.#services.clock.now();
      // Whoever tried it has not lived to tell.
      if (state.phase === 'halfOpen.probing') actor.send({ type: 'breaker.released', permit: state.permit, at });
      if (state.phase !== 'closed')
        this.#services.noted({ type: 'breaker/opened', at, payload: { ...key, failures: state.failures, until: null } });
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const actor of this.#actors.values()) actor.send({ type: 'xstate.stop' } as never);
    this.#actors.clear();
  }

  #byHand(type: 'breaker.forceOpen' | 'breaker.forceClose' | 'breaker.reset', scope: unknown, rest: readonly unknown[]): boolean {
    const isKeyLeftOut = scope === 'system' && typeof rest[0] !== 'string';
    const at = checkKey(scope, isKeyLeftOut ? undefined : rest[0]);
    const command = { type, at: this.#services.clock.now(), ...checkAudit(isKeyLeftOut ? (rest[0] ?? rest[1]) : rest[1]) };
    const guard = this.#isStopped ? undefined : this.#known(at);
    if (!guard) return false;
    const actor = this.#actors.get(idOf(at));
    if (!actor && type !== 'breaker.forceOpen') return false;
    const living = actor ?? this.#actorOf(guard);
    if (!living.getSnapshot().can(command)) return false;
    living.send(command);
    return true;
  }

  #known(at: BreakerKey): Guard | undefined {
    const guard = this.#actors.has(idOf(at)) ? at : at.scope === 'system' ? SYSTEM : this.#services.known(at);
    return guard && guard.key === at.key && this.#services.options[at.scope] ? guard : undefined;
  }

  #isUsed({ scope }: BreakerKey): boolean {
    return !this.#isStopped && this.#services.options[scope] !== false;
  }

  #permit(guard: Guard, actor: BreakerActor): Permit {
    const permit = ++this.#permits;
    if (stateOf(actor).phase !== 'closed') actor.send({ type: 'breaker.acquired', permit, at: this.#services.clock.now() });
    let isOver = false;
    const ending = (type: End) => () => {
      if (isOver) return;
      isOver = true;
      this.#end(guard, permit, type);
    };
    return { succeeded: ending('breaker.succeeded'), failed: ending('breaker.failed'), released: ending('breaker.released') };
  }

  /** What happens in a layer says something about the system, too. */
  #end(guard: Guard, permit: number, type: End): void {
    if (this.#isStopped) return;
    const actor = type === 'breaker.failed' ? this.#actorOf(guard) : this.#actors.get(idOf(guard));
    const state = actor && stateOf(actor);
    const isNews = state && (state.phase !== 'closed' || type === 'breaker.failed' || state.failures > 0);
    if (isNews) actor.send({ type, permit, at: this.#services.clock.now() });
    if (guard.scope === 'layer' && type !== 'breaker.released') this.count(SYSTEM, type === 'breaker.failed' ? 'failed' : 'succeeded');
  }

  #actorOf({ scope, key, options: own }: Guard, restored?: BreakerState): BreakerActor {
    const id = idOf({ scope, key });
    const known = this.#actors.get(id);
    if (known) return known;
    const ofScope = this.#services.options[scope];
    const options = withFigures(ofScope === false ? DEFAULT_BREAKER : ofScope, own);
    const timestamp = this.#services.clock.now();
    const execution: ExecutionContext = { executionId: id, swarmId: id, userId: 'runtime', timestamp, correlationId: id };
    return this.#begin(id, { scope, key, options, execution, ...(restored && { restored, bornAt: timestamp }) });
  }

  #begin(id: string, input: BreakerInput): BreakerActor {
    const actor = createActor(this.#logic, { parent: this.#services.parent(), id, src: 'breaker', input } as { input: BreakerInput });
    this.#actors.set(id, actor);
    actor.subscribe({ error: (error) => this.#crashed(id, input, actor, error) });
    actor.start();
    return actor;
  }

  /** A turn that failed has recorded nothing: the next life goes on from what the last one had recorded. What it was told in that turn is lost. */
  #crashed(id: string, { restored: _, ...input }: BreakerInput, actor: BreakerActor, err: unknown): void {
    this.#services.log.error({ err, breaker: id }, 'a circuit breaker crashed, and is started again');
    if (!this.#isStopped && this.#actors.get(id) === actor)
      this.#begin(id, { ...input, restored: stateOf(actor), bornAt: this.#services.clock.now() });
  }

  /** For one more key that a caller chose: those that never recorded anything are as good as none. */
  #makeRoom(): void {
    if (this.#actors.size < MOST_BREAKERS) return;
    for (const [id, actor] of this.#actors) {
      if (this.#streams.has(id)) continue;
      actor.send({ type: 'xstate.stop' } as never);
      this.#actors.delete(id);
    }
    if (this.#actors.size < MOST_BREAKERS) return;
    throw new SwarmchartError('RESOURCE_EXHAUSTED', `${MOST_BREAKERS} circuit breakers remember something already`);
  }

  #commit(params: CommitParams): void {
    const { executionId } = params.execution;
    for (const { type } of params.facts) this.#services.faults.fact?.({ executionId, type });
    let stream = this.#streams.get(executionId);
    if (!stream) {
      stream = this.#openStream(executionId);
      this.#streams.set(executionId, stream);
    }
    stream.record(params);
    for (const fact of params.facts as readonly BreakerFact[]) this.#services.noted(fact);
  }

  #openStream(name: string, seq = 0): FactStream {
    const { journal, publish: onCommitted, checked, log } = this.#services;
    if (isOfSwarm(name)) return publishedStream(name, onCommitted);
    const onFailed = (err: unknown) => log.error({ err, breaker: name }, 'a circuit breaker is not recorded any more');
    return new FactStream({ name, journal, seq, ...(checked && { checked }), onCommitted, onFailed });
  }
}

function joint(permits: readonly Permit[]): Permit {
  const all = (end: keyof Permit) => () => {
    for (const permit of permits) permit[end]();
  };
  return { succeeded: all('succeeded'), failed: all('failed'), released: all('released') };
}
