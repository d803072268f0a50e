/** Supervisors for charts under test. */

import assert from 'node:assert/strict';
import { type Actor, type AnyActorRef, createActor, type EventObject } from 'xstate';
import { evolveSupervisor, supervisorMachine } from '../../../src/machines/machines.ts';
import { DEFAULT_BACKOFF } from '../../../src/machines/protocol/plan.ts';
import type { SupervisedCommand, SupervisedSpec, SupervisorFact, SupervisorSpec } from '../../../src/machines/protocol/supervisor.ts';
import { childAt, isLive, type SupervisedRecord, type SupervisorState, UNBORN_SUPERVISOR } from '../../../src/machines/supervisor.state.ts';
import type { SupervisorAnswer, SupervisorContext, SupervisorEvent } from '../../../src/machines/supervisor.turn.ts';
import type { CoverageRecorder } from '../../../src/testing/coverage.ts';
import type { Pick } from '../../../src/testing/random.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { plain } from './agents.ts';
import { hearing } from './hearing.ts';
import { again, type Interleaving, telling, wait } from './interleavings.ts';
import { BORN_AT } from './jobs.ts';

export const aChild = (id: string, more: Partial<SupervisedSpec> = {}): SupervisedSpec => ({
  id,
  src: 'worker',
  restart: 'permanent',
  shutdown: 1_000,
  type: 'worker',
  significant: false,
  input: null,
  ...more,
});

export const aSupervisor = (more: Partial<SupervisorSpec> = {}): SupervisorSpec => ({
  name: 'supervisor',
  strategy: 'one-for-one',
  intensity: { maxRestarts: 1, withinMs: 60_000 },
  autoShutdown: 'never',
  children: [],
  maxChildren: 10,
  ...more,
});

/** In the order of their starts. */
export function childrenOf(state: SupervisorState): readonly SupervisedRecord[] {
  const found: SupervisedRecord[] = [];
  for (let record = childAt(state, state.first); record; record = childAt(state, record.after)) found.push(record);
  return found;
}

const boom = { name: 'Error', message: 'boom' };

export const SPECS: readonly SupervisorSpec[] = [
  aSupervisor({
    strategy: 'one-for-all',
    autoShutdown: 'any-significant',
    children: [aChild('a'), aChild('b', { restart: 'transient', significant: true, shutdown: 'infinity' })],
  }),
  aSupervisor({
    strategy: 'rest-for-one',
    backoff: { ...DEFAULT_BACKOFF, baseMs: 200 },
    children: [aChild('a', { restart: 'temporary', shutdown: 'brutal' }), aChild('b')],
  }),
  aSupervisor({ children: [aChild('a')] }),
  aSupervisor({ template: aChild('w', { restart: 'transient', significant: true }), autoShutdown: 'all-significant', maxChildren: 2 }),
  aSupervisor({ template: aChild('w', { shutdown: 'brutal' }), maxChildren: 1 }),
];

/** What may be heard, of all children and of none, in this life and in an earlier one. */
export function eventsIn({ context }: { readonly context: SupervisorContext }, mostDeferred: number): readonly SupervisorEvent[] {
  const { state, deferred, spec } = context;
  const at = Math.max(state.at, BORN_AT) + 1;
  const children = childrenOf(state);
  const ids = spec.template ? ['x'] : spec.children.length === 1 ? ['a'] : ['a', 'b'];
  const asks: SupervisorEvent[] = ids.flatMap((id) => [
    { type: 'supervisor.start_child', requestId: '', spec: spec.template ? { id } : aChild(id), at },
    { type: 'supervisor.terminate_child', requestId: '', id, at },
    { type: 'supervisor.restart_child', requestId: '', id, at },
    { type: 'supervisor.delete_child', requestId: '', id, at },
  ]);
  const reports: SupervisorEvent[] = children.flatMap(({ spec: { id }, incarnation, status }) => {
    const life = { id, incarnation, at };
    const ends: SupervisorEvent[] = [
      { type: 'child.done', ...life },
      { type: 'child.crashed', ...life, cause: boom },
      { type: 'child.stopped', ...life },
      { type: 'restart.due', ...life, isCounted: false },
    ];
    const starts: SupervisorEvent[] = [
      { type: 'child.started', ...life },
      { type: 'child.ignored', ...life },
      { type: 'child.failed', ...life, cause: boom },
    ];
    if (status === 'starting') return [...starts, ...(state.phase === 'stopping' ? ends : [])];
    const due: SupervisorEvent[] = status === 'stopping' ? [{ type: 'deadline.due', id, at }] : [];
    return [...ends, ...due, ...(status === 'absent' ? [] : starts.slice(0, 1))];
  });
  const stale: SupervisorEvent[] = (
    ['child.started', 'child.ignored', 'child.failed', 'child.done', 'child.crashed', 'child.stopped'] as const
  ).map((type) => ({ type, id: 'nobody', incarnation: 1, at, cause: boom }));
  const others: SupervisorEvent[] = [
    { type: 'supervisor.which_children', requestId: '', at },
    { type: 'supervisor.count_children', requestId: '', at },
  ];
  const isDynamicStop = spec.template && state.phase === 'stopping';
  const next: SupervisorEvent[] = state.phase === 'supervising.idle' && deferred.size > 0 ? [{ type: 'supervisor.next' }] : [];
  const all: SupervisorEvent[] = [
    ...asks,
    ...others,
    ...reports,
    ...stale,
    ...(isDynamicStop ? [{ type: 'deadline.due', at } as const] : []),
    ...next,
    { type: 'supervisor.stop', at },
  ];
  return deferred.size < mostDeferred ? all : all.filter((event) => !waits(context, event));
}

/** It would be put off, or not even that: such an event makes no difference but to what waits. */
function waits({ state, deferred }: SupervisorContext, event: SupervisorEvent): boolean {
  if (state.phase === 'stopping') return false;
  if ('requestId' in event || event.type === 'restart.due') return state.phase !== 'supervising.idle' || deferred.size > 0;
  if (event.type !== 'child.done' && event.type !== 'child.crashed' && event.type !== 'child.stopped') return false;
  if (state.phase === 'supervising.idle') return deferred.size > 0;
  const current = childAt(state, state.current);
  return current?.status !== 'stopping' || current.spec.id !== event.id || current.incarnation !== event.incarnation;
}

interface Relaying {
  _relay(source: AnyActorRef | undefined, target: AnyActorRef, event: EventObject): void;
}

/** A supervisor as a live actor, with a port that only notes what it is told. What it calls for next comes when the path says so. */
export class LiveSupervisor {
  readonly clock = new VirtualClock(BORN_AT);
  readonly facts: SupervisorFact[] = [];
  readonly told: SupervisedCommand[] = [];
  readonly answers: SupervisorAnswer[] = [];
  readonly actor: Actor<typeof supervisorMachine>;
  readonly asked = new Set<string>();
  #held: (() => void)[] = [];
  #folded = UNBORN_SUPERVISOR;
  #foldedFacts = 0;
  #checked: SupervisorState | undefined;
  #requests = 0;
  #error: unknown;

  constructor(spec: SupervisorSpec, recorder?: CoverageRecorder) {
    const chart = supervisorMachine.provide({
      actors: { children: hearing<SupervisedCommand, { readonly name: string }>((command) => void this.told.push(command)) },
      actions: {
        commit: (_, { facts }) => void this.facts.push(...facts),
        answer: (_, params) => void this.answers.push(params),
      },
    });
    const input = { spec, at: BORN_AT };
    this.actor = createActor(chart, { input, clock: this.clock as never, ...(recorder && { inspect: recorder.inspect }) });
    const system = this.actor.system as unknown as Relaying;
    const relay = system._relay.bind(system);
    system._relay = (source, target, event) => {
      if (event.type === 'supervisor.next') this.#held.push(() => relay(source, target, event));
      else relay(source, target, event);
    };
    this.actor.subscribe({ error: (error) => (this.#error = error) });
    this.actor.start();
    this.check();
  }

  get state(): SupervisorState {
    return this.actor.getSnapshot().context.state;
  }

  /** @param isKnown What holds after it has been checked, on another path that began alike. */
  hear(event: SupervisorEvent, isKnown = false): void {
    if (this.actor.getSnapshot().status !== 'active') return;
    if (event.type === 'supervisor.next') this.#held.shift()?.();
    else if ('requestId' in event) {
      const requestId = `r${++this.#requests}`;
      this.asked.add(requestId);
      this.actor.send({ ...event, requestId });
    } else this.actor.send(event);
    if (!isKnown) this.check();
  }

  /** Lets it do all that waits. */
  goOn(): void {
    while (this.#held.length > 0 && this.actor.getSnapshot().status === 'active') this.hear({ type: 'supervisor.next' });
  }

  /** Throws unless everything holds that must hold between two events. */
  check(): void {
    assert.equal(this.#error, undefined);
    const { value, context } = this.actor.getSnapshot();
    const { state, deferred } = context;
    assert.equal(pathOf(value), state.phase, 'the phase is not the state');
    for (const fact of this.facts.slice(this.#foldedFacts)) {
      assert.ok(fact.at >= this.#folded.at, `${fact.type} goes back in time`);
      this.#folded = evolveSupervisor(this.#folded, JSON.parse(JSON.stringify(fact)) as SupervisorFact);
    }
    this.#foldedFacts = this.facts.length;
    if (state !== this.#checked) assert.deepEqual(plain(this.#folded), plain(state), 'the facts do not fold to the state');
    this.#checked = state;
    const isWaiting = state.phase === 'supervising.idle' && deferred.size > 0;
    if (!state.outcome) assert.equal(this.#held.length, isWaiting ? 1 : 0, 'what waits is called for once');
    this.#checkChildren(state);
    this.#checkAnswers();
  }

  #checkChildren(state: SupervisorState): void {
    const children = childrenOf(state);
    const ordinals = children.map(({ ordinal }) => ordinal);
    assert.deepEqual(
      ordinals,
      state.children
        .keySeq()
        .toArray()
        .toSorted((a, b) => a - b),
      'the list is not all children, in order',
    );
    assert.deepEqual(new Set(children.map(({ spec }) => spec.id)), new Set(state.ordinals.keys()));
    assert.equal(state.live, children.filter(isLive).length);
    assert.equal(state.significant, children.filter(({ spec, status }) => spec.significant && status !== 'absent').length);
    assert.ok(state.restarts.size <= (state.spec?.intensity.maxRestarts ?? 0), 'more restarts than its intensity');
    const isBusy = state.phase.startsWith('supervising.idle') || state.phase === 'stopped' || state.phase === 'escalated';
    if (isBusy) assert.equal(state.current, undefined, 'busy with a child, yet idle');
    if (state.phase === 'stopped' || state.phase === 'escalated') assert.equal(state.live, 0, 'a child survives its supervisor');
  }

  #checkAnswers(): void {
    const answered = this.answers.map(({ requestId }) => requestId);
    assert.equal(new Set(answered).size, answered.length, 'a request is answered twice');
    const { context, status } = this.actor.getSnapshot();
    const open = [...this.asked].filter((requestId) => !answered.includes(requestId));
    const waiting = [...context.deferred, context.asked].filter((event) => event && 'requestId' in event);
    assert.equal(open.length, waiting.length, 'a request is lost');
    if (status === 'done') assert.equal(open.length, 0, 'a request is never answered');
  }
}

const pathOf = (value: unknown): string =>
  typeof value === 'string' ? value : (Object.entries(value as object).map(([key, inner]) => `${key}.${pathOf(inner)}`)[0] ?? '');

/** One interleaving: a supervisor is not durable, so a crash is the end of its life; any prefix of its facts folds. */
export const tellSupervisor = (pick: Pick): Interleaving =>
  telling((told) => {
    const live = new LiveSupervisor(SPECS[pick(SPECS.length)] ?? aSupervisor());
    told.facts = () => live.facts;
    for (let strides = 5 + pick(30); strides > 0; strides--) {
      const passed = wait(pick, 2_500);
      told.heard.push(`${passed} ms pass`);
      live.clock.advance(passed);
      live.check();
      const events = eventsIn(live.actor.getSnapshot(), 20).filter(({ type }) => type !== 'supervisor.stop' || pick(8) === 7);
      const repeated = pick(6) === 5 ? again<SupervisorEvent>(pick, told.heard, live.clock.now()) : undefined;
      const event = repeated ?? events[pick(events.length)];
      if (!event || live.actor.getSnapshot().status !== 'active') break;
      told.heard.push(event);
      live.hear(event);
    }
    live.goOn();
    live.actor.stop();
    assert.equal(live.clock.pending, 0, 'timers after the end');
  });
