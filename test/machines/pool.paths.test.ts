import { describe, expect, it } from 'vitest';
import type { AnyMachineSnapshot } from 'xstate';
import { evolvePool } from '../../src/machines/machines.ts';
import { type AgentRecord, EMPTY_POOL, errorRateOf, isDegraded, type PoolState } from '../../src/machines/pool.state.ts';
import type { PoolEvent } from '../../src/machines/pool.turn.ts';
import { type AgentCircuit, type AgentSpec, type LeaseOutcome, MOST_WAITING, type PoolFact } from '../../src/machines/protocol/agent.ts';
import { CoverageRecorder, coverage } from '../../src/testing/coverage.ts';
import { generatePaths } from '../../src/testing/paths.ts';
import { aRequest, aSpec, LivePool } from './paths/agents.ts';
import { EVERY_CHART } from './paths/every-chart.ts';
import { BORN_AT } from './paths/jobs.ts';

const { machine } = EVERY_CHART.pool;
const ANN = aSpec('ann', { life: { hasBody: false, readyTimeoutMs: 1_000, restart: { maxRestarts: 1, withinMs: 60_000 } } });

function eventsIn(snapshot: AnyMachineSnapshot): readonly PoolEvent[] {
  const state: PoolState = snapshot.context.state;
  const at = Math.max(state.at, BORN_AT) + 1;
  const incarnation = state.agents.first()?.incarnation ?? 1;
  const report = { agentId: 'ann', incarnation, at, dueAt: 0 };
  const child = { id: 'agent/ann', incarnation, at };
  const boom = { name: 'Error', message: 'boom' };
  return [
    { type: 'pool.register', agents: [ANN], at },
    { type: 'pool.unregister', agentIds: ['ann'], graceMs: 50, at },
    { type: 'agent.ready', ...report },
    { type: 'agent.suspected', ...report, missed: 1 },
    { type: 'agent.recovered', ...report },
    { type: 'lease.request', request: aRequest('one', { holder: 'h', ttlMs: 100 }), at },
    { type: 'lease.request', request: aRequest('two', { holder: 'h' }), at },
    { type: 'lease.request', request: aRequest('three', { capabilities: ['sing'] }), at },
    { type: 'lease.return', leaseId: 'one', outcome: 'failed', at },
    { type: 'pool.circuit', agentId: 'ann', circuit: state.agents.first()?.circuit === 'open' ? 'halfOpen' : 'open', at },
    { type: 'lease.returnAll', holder: 'h', at },
    { type: 'lease.expired', leaseId: 'one' },
    { type: 'drain.expired', agentId: 'ann' },
    { type: 'child.done', ...child, output: { end: 'stopped' } },
    { type: 'child.done', ...child, output: { end: 'failed' } },
    { type: 'child.crashed', ...child, cause: boom },
    { type: 'child.crashed', ...child, incarnation: incarnation - 1, cause: boom },
  ];
}

/** A pool in which these are ready. */
function poolOf(...specs: readonly AgentSpec[]): LivePool {
  const live = new LivePool();
  const at = BORN_AT;
  live.hear({ type: 'pool.register', agents: specs, at });
  for (const { id } of specs) live.hear({ type: 'agent.ready', agentId: id, incarnation: 1, at, dueAt: 0 });
  return live;
}

const ask = (live: LivePool, leaseId: string, more: Parameters<typeof aRequest>[1] = {}) =>
  live.hear({ type: 'lease.request', request: aRequest(leaseId, more), at: live.clock.now() });
const giveBack = (live: LivePool, leaseId: string) => live.hear({ type: 'lease.return', leaseId, at: live.clock.now() });
const crash = (live: LivePool, id: string, incarnation: number) =>
  live.hear({ type: 'child.crashed', id: `agent/${id}`, incarnation, cause: { name: 'Error', message: 'boom' }, at: live.clock.now() });
const granted = (live: LivePool) =>
  live.answers.flatMap(({ message }) => (message.type === 'lease.granted' ? [[message.leaseId, message.agentId]] : []));
const refusals = (live: LivePool) =>
  live.answers.flatMap(({ message }) => (message.type === 'lease.refused' ? [message.error.message] : []));

describe('the pool', () => {
  it('keeps its promises on generated paths that take every transition', () => {
    const recorder = new CoverageRecorder();
    const paths = generatePaths(machine, {
      inputs: [{ at: BORN_AT }],
      events: eventsIn,
      key: ({ context: { state } }) => {
        const agent = state.agents.first();
        return JSON.stringify([
          agent?.status,
          agent?.restarts,
          agent?.failures.length,
          state.leases.keySeq(),
          state.waiting.keySeq(),
          agent?.circuit,
        ]);
      },
    });
    expect(paths.length).toBeGreaterThan(50);
    for (const { events } of paths) {
      const live = new LivePool(recorder);
      for (const event of events) live.hear(event);
      live.actor.stop();
    }
    new LivePool(recorder, EMPTY_POOL).actor.stop();
    const report = coverage(machine, recorder);
    expect(report.isComplete, report.table).toBe(true);
  });

  it('S18: of equal agents with the loads 2, 0 and 1 the second gets the next task', () => {
    const equal = { maxConcurrentTasks: 5 };
    const live = poolOf(aSpec('first', equal), aSpec('second', equal), aSpec('third', equal));
    ask(live, 'a', { agents: ['first'] });
    ask(live, 'b', { agents: ['first'] });
    ask(live, 'c', { agents: ['third'] });
    ask(live, 'next');
    expect(granted(live).at(-1)).toEqual(['next', 'second']);
  });

  it('serves those who wait by priority, and in the order in which they came', () => {
    const live = poolOf(aSpec('ann'));
    ask(live, 'busy');
    ask(live, 'low', { priority: 1 });
    ask(live, 'first', { priority: 8 });
    ask(live, 'second', { priority: 8 });
    for (const leaseId of ['busy', 'first', 'second', 'low']) giveBack(live, leaseId);
    expect(granted(live).map(([leaseId]) => leaseId)).toEqual(['busy', 'first', 'second', 'low']);
  });

  it('says which capability nobody has, that nobody has all of them, and who was left out', () => {
    const live = poolOf(aSpec('ann'), aSpec('bob', { capabilities: ['test'] }), aSpec('eve', { capabilities: ['spy'], swarmId: 'other' }));
    ask(live, 'a', { capabilities: ['code', 'sing', 'dance'] });
    ask(live, 'b', { capabilities: ['code', 'test'] });
    ask(live, 'c', { exclude: ['ann'] });
    ask(live, 'd', { capabilities: ['spy'] });
    ask(live, 'e', { agents: ['bob'] });
    expect(refusals(live)).toEqual([
      'No agent offers "sing", "dance"',
      'No agent offers all of "code", "test"',
      'No agent offers "code", except "ann", which must not be used',
      'No agent offers "spy"',
      'None of the agents "bob" serves with "code"',
    ]);
  });

  it('gives the agents of a swarm to nobody else', () => {
    const live = poolOf(aSpec('own', { swarmId: 'mine' }));
    ask(live, 'theirs', { swarmId: 'yours' });
    ask(live, 'mine', { swarmId: 'mine' });
    expect(refusals(live)).toHaveLength(1);
    expect(granted(live)).toEqual([['mine', 'own']]);
  });

  it('S18: restarts a crashing agent three times in 60 s, gives it up the fourth time, and refuses who waits for it', () => {
    const live = poolOf(aSpec('ann'));
    ask(live, 'held');
    ask(live, 'waits');
    for (const incarnation of [1, 2, 3, 4]) {
      live.clock.advance(10_000);
      crash(live, 'ann', incarnation);
    }
    expect(live.started.map(({ incarnation }) => incarnation)).toEqual([1, 2, 3, 4]);
    const types = live.facts.map(({ type }) => type).slice(-4);
    expect(types).toEqual(['agent/restarted', 'agent/crashed', 'agent/escalated', 'agent/refused']);
    expect(live.answers.map(({ message }) => message.type)).toEqual(['lease.granted', 'lease.lost', 'lease.refused']);
  });

  it('forgets failures that are older than its restart policy looks back', () => {
    const live = poolOf(aSpec('ann'));
    for (let incarnation = 1; incarnation <= 10; incarnation++) {
      live.clock.advance(20_000);
      crash(live, 'ann', incarnation);
    }
    expect(live.state.agents.first()).toMatchObject({ status: 'restarting', incarnation: 11, restarts: 10 });
  });

  it('takes back the leases of an agent whose grace is over', () => {
    const live = poolOf(aSpec('ann'));
    ask(live, 'held');
    live.hear({ type: 'pool.unregister', agentIds: ['ann'], graceMs: 1_000, at: live.clock.now() });
    live.clock.advance(999);
    expect(live.answers).toHaveLength(1);
    live.clock.advance(1);
    live.check();
    expect(live.answers.at(-1)).toMatchObject({ message: { type: 'lease.lost', error: { code: 'AGENT_UNREGISTERED' } } });
    expect(live.told.slice(-2)).toMatchObject([{ event: { type: 'agent.drain' } }, { event: { type: 'agent.release', leaseId: 'held' } }]);
  });

  it('lets 100,000 requests wait and refuses the next', () => {
    let state = poolOf(aSpec('ann')).state;
    const awaited = (request: ReturnType<typeof aRequest>): PoolFact => ({
      type: 'agent/lease_awaited',
      at: BORN_AT,
      payload: { request },
    });
    for (let index = 0; index < MOST_WAITING; index++) state = evolvePool(state, awaited(aRequest(`w${index}`, { holder: 'h' })));
    const live = new LivePool(undefined, state);
    live.actor.send({ type: 'lease.request', request: aRequest('more'), at: BORN_AT });
    expect(live.answers).toMatchObject([{ message: { type: 'lease.refused', error: { code: 'RESOURCE_EXHAUSTED', retryable: true } } }]);
  });

  describe('with circuits and outcomes', () => {
    const setCircuit = (live: LivePool, agentId: string, circuit: AgentCircuit) =>
      live.hear({ type: 'pool.circuit', agentId, circuit, at: live.clock.now() });
    const settle = (live: LivePool, leaseId: string, outcome: LeaseOutcome) =>
      live.hear({ type: 'lease.return', leaseId, outcome, at: live.clock.now() });
    /** So many pieces of work of one agent, of which so many failed, the failures last. */
    function work(live: LivePool, agentId: string, failed: number, all: number): void {
      for (let n = 0; n < all; n++) {
        const leaseId = `${agentId} ${n}`;
        ask(live, leaseId, { agents: [agentId] });
        settle(live, leaseId, n < all - failed ? 'succeeded' : 'failed');
      }
    }

    it('gives nothing to an agent whose circuit is open; whoever wants it waits, and what it has it keeps', () => {
      const live = poolOf(aSpec('ann', { maxConcurrentTasks: 2 }));
      ask(live, 'held');
      setCircuit(live, 'ann', 'open');
      ask(live, 'next');
      giveBack(live, 'held');
      expect(granted(live)).toEqual([['held', 'ann']]);
      expect(live.state.waiting.has('next')).toBe(true);
      setCircuit(live, 'ann', 'closed');
      expect(granted(live)).toEqual([
        ['held', 'ann'],
        ['next', 'ann'],
      ]);
    });

    it('tries an agent whose circuit is half-open with one lease at a time, also when that is not returned', () => {
      const live = poolOf(aSpec('ann', { maxConcurrentTasks: 5 }));
      setCircuit(live, 'ann', 'open');
      for (const leaseId of ['a', 'b', 'c']) ask(live, leaseId, { ttlMs: 100 });
      setCircuit(live, 'ann', 'halfOpen');
      expect(granted(live)).toEqual([['a', 'ann']]);
      expect(live.facts.at(-1)).toMatchObject({ type: 'agent/leased', payload: { leaseId: 'a', probe: true } });
      live.clock.advance(100);
      live.check();
      expect(granted(live).at(-1)).toEqual(['b', 'ann']);
      crash(live, 'ann', 1);
      live.hear({ type: 'agent.ready', agentId: 'ann', incarnation: 2, at: live.clock.now(), dueAt: 0 });
      expect(granted(live).at(-1)).toEqual(['c', 'ann']);
    });

    it('prefers the others when a circuit is open', () => {
      const live = poolOf(aSpec('ann'), aSpec('bob'));
      setCircuit(live, 'ann', 'open');
      ask(live, 'one');
      expect(granted(live)).toEqual([['one', 'bob']]);
    });

    it('S18: an error rate of 0.4 degrades an agent: it gets work only when no healthy one has room', () => {
      const live = poolOf(aSpec('ann', { maxConcurrentTasks: 2 }), aSpec('bob'));
      work(live, 'ann', 4, 10);
      for (const leaseId of ['one', 'two', 'three']) ask(live, leaseId);
      expect(granted(live).slice(-3)).toEqual([
        ['one', 'bob'],
        ['two', 'ann'],
        ['three', 'ann'],
      ]);
    });

    it.each([
      [3, 10, 'ann'],
      [4, 10, 'bob'],
      [4, 4, 'ann'],
      [2, 5, 'bob'],
      [20, 20, 'bob'],
    ])('of %d failures in %d pieces of work it follows that %s is given the next one', (failed, all, next) => {
      const live = poolOf(aSpec('ann'), aSpec('bob'));
      work(live, 'ann', failed, all);
      ask(live, 'next');
      expect(granted(live).at(-1)).toEqual(['next', next]);
    });

    it('looks at the last 20 pieces of work, and forgets them when the circuit closes and when the agent is started again', () => {
      const live = poolOf(aSpec('ann'));
      work(live, 'ann', 8, 8);
      for (let n = 0; n < 12; n++) {
        ask(live, `good ${n}`);
        settle(live, `good ${n}`, 'succeeded');
      }
      const ann = () => live.state.agents.first();
      expect(ann() && errorRateOf(ann() as AgentRecord)).toBe(0.4);
      ask(live, 'more');
      settle(live, 'more', 'succeeded');
      expect(ann() && isDegraded(ann() as AgentRecord)).toBe(false);
      expect(ann()?.outcomes).toHaveLength(20);
      crash(live, 'ann', 1);
      expect(ann()?.outcomes).toEqual([]);
    });

    it('hears nothing of the circuits of strangers, nor what it knows', () => {
      const live = poolOf(aSpec('ann'));
      const known = live.facts.length;
      setCircuit(live, 'nobody', 'open');
      setCircuit(live, 'ann', 'closed');
      expect(live.facts).toHaveLength(known);
    });
  });

  it('goes on from its facts: leases stay, agents live anew, timers are set again', () => {
    const before = poolOf(aSpec('ann', { maxConcurrentTasks: 2 }), aSpec('leaving'));
    ask(before, 'held', { ttlMs: 5_000, agents: ['ann'] });
    ask(before, 'gone', { agents: ['leaving'] });
    before.hear({ type: 'pool.unregister', agentIds: ['leaving'], at: BORN_AT });
    const live = new LivePool(undefined, before.state);
    live.check();
    expect(live.started).toMatchObject([{ id: 'agent/ann', incarnation: 2 }]);
    expect(live.answers).toMatchObject([{ message: { type: 'lease.lost', leaseId: 'gone' } }]);
    ask(live, 'next');
    expect(granted(live), 'an agent that is not ready yet gets nothing').toEqual([]);
    live.hear({ type: 'agent.ready', agentId: 'ann', incarnation: 2, at: BORN_AT, dueAt: 0 });
    expect(granted(live)).toEqual([['next', 'ann']]);
    live.clock.advance(5_000);
    live.check();
    expect(live.answers.at(-1)).toMatchObject({ message: { leaseId: 'held', error: { code: 'LEASE_EXPIRED' } } });
  });

  it('leaves its state alone for facts about agents and leases that it does not know', () => {
    const facts: readonly PoolFact[] = [
      { type: 'agent/ready', at: 1, payload: { agentId: 'x', incarnation: 1 } },
      { type: 'agent/leased', at: 1, payload: { agentId: 'x', leaseId: 'l', holder: 'h', load: 1 } },
      { type: 'agent/released', at: 1, payload: { agentId: 'x', leaseId: 'l', load: 0 } },
      { type: 'agent/unregistered', at: 1, payload: { agentId: 'x' } },
      { type: 'agent/lease_withdrawn', at: 1, payload: { leaseId: 'l', holder: 'h' } },
    ];
    expect(facts.reduce(evolvePool, EMPTY_POOL)).toEqual({ ...EMPTY_POOL, at: 1 });
    expect(evolvePool(EMPTY_POOL, { type: 'no/such/fact', at: 1, payload: {} } as never)).toBe(EMPTY_POOL);
  });
});
