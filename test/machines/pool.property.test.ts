import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PoolEvent } from '../../src/machines/pool.turn.ts';
import type { AgentSpec, LeaseAnswer, LeaseRequest } from '../../src/machines/protocol/agent.ts';
import { aRequest, aSpec, LivePool } from './paths/agents.ts';
import { NaivePool } from './paths/naive-pool.ts';

const OFFERS: readonly Partial<AgentSpec>[] = [
  { capabilities: ['code'] },
  { capabilities: ['code', 'test'], maxConcurrentTasks: 2 },
  {
    capabilities: ['code'],
    maxConcurrentTasks: 3,
    life: { hasBody: false, readyTimeoutMs: 1, restart: { maxRestarts: 1, withinMs: 1_000 } },
  },
  { capabilities: ['test'], swarmId: 'own' },
  { capabilities: ['code'], swarmId: 'own', life: { hasBody: false, readyTimeoutMs: 1, restart: { maxRestarts: 0, withinMs: 1_000 } } },
];
const NAMES = ['ann', 'bob', 'cid', 'dora', 'eve'] as const;
const WANTS: readonly Partial<LeaseRequest>[] = [
  {},
  { capabilities: ['test'] },
  { capabilities: ['test', 'code'] },
  { capabilities: [] },
  { swarmId: 'own' },
  { swarmId: 'own', capabilities: ['test'] },
  { exclude: ['ann'] },
  { exclude: ['ann', 'bob', 'nobody'], swarmId: 'own' },
  { agents: ['bob', 'cid'] },
  { agents: ['eve'], swarmId: 'own' },
  { capabilities: ['sing'] },
];

const OUTCOMES = ['failed', undefined, 'succeeded', 'failed'] as const;
const CIRCUITS = ['open', 'halfOpen', 'closed'] as const;

const stride = fc.record({
  does: fc.oneof(
    { weight: 3, arbitrary: fc.constant('register' as const) },
    { weight: 4, arbitrary: fc.constant('ready' as const) },
    { weight: 10, arbitrary: fc.constant('request' as const) },
    { weight: 6, arbitrary: fc.constant('return' as const) },
    { weight: 2, arbitrary: fc.constantFrom('unregister', 'crashed') },
    { weight: 3, arbitrary: fc.constant('circuit' as const) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        'returnAll',
        'suspected',
        'recovered',
        'crashed',
        'lost',
        'failed',
        'unregister',
        'stopped',
        'stale',
        'wait',
      ),
    },
  ),
  pick: fc.nat(1_000),
  want: fc.nat(1_000),
  priority: fc.constantFrom(-1, 5, 10),
  ttlMs: fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined }),
  wait: fc.nat(40),
});
type Stride = typeof stride extends fc.Arbitrary<infer T> ? T : never;

const say = ({ message }: { readonly message: LeaseAnswer }): string => {
  if (message.type === 'lease.granted') return `granted ${message.leaseId} ${message.agentId}`;
  return `${message.type === 'lease.lost' ? 'lost' : 'refused'} ${message.leaseId} ${message.error.code}`;
};

class Race {
  readonly live = new LivePool();
  readonly naive = new NaivePool();
  readonly outcomes = new Map<string, string[]>();
  #asked = 0;
  #heard = 0;

  stride({ does, pick, want, priority, ttlMs, wait }: Stride): void {
    this.#pass(wait);
    const { naive } = this;
    const at = this.live.clock.now();
    const name = NAMES[pick % NAMES.length] ?? 'ann';
    const agents = [...naive.agents.values()].filter(({ status }) => status !== 'escalated');
    const agent = agents[pick % Math.max(1, agents.length)];
    const ids = [...naive.waiting, ...naive.leases().map(([, request]) => request)].map(({ leaseId }) => leaseId);
    const ofAgent = { agentId: agent?.spec.id ?? 'nobody', incarnation: agent?.incarnation ?? 1, at };
    const ofChild = { id: `agent/${ofAgent.agentId}`, incarnation: ofAgent.incarnation, at };
    switch (does) {
      case 'register': {
        const spec = aSpec(name, OFFERS[want % OFFERS.length]);
        naive.register(spec);
        return this.#hear({ type: 'pool.register', agents: [spec], at });
      }
      case 'ready':
        if (agent?.status === 'starting') naive.ready(agent);
        return this.#hear({ type: 'agent.ready', ...ofAgent, dueAt: 0 });
      case 'suspected':
        if (agent?.status === 'ready') agent.status = 'suspect';
        return this.#hear({ type: 'agent.suspected', ...ofAgent, missed: 1, dueAt: 0 });
      case 'recovered':
        if (agent?.status === 'suspect') naive.ready(agent);
        return this.#hear({ type: 'agent.recovered', ...ofAgent, dueAt: 0 });
      case 'request': {
        const leaseId = `l${++this.#asked}`;
        const ttl = ttlMs === undefined ? {} : { ttlMs };
        const request = aRequest(leaseId, { ...WANTS[want % WANTS.length], priority, holder: `h${pick % 4}`, ...ttl });
        naive.request(request);
        return this.#hear({ type: 'lease.request', request, at });
      }
      case 'return': {
        const leaseId = ids[pick % Math.max(1, ids.length)] ?? 'unknown';
        const outcome = OUTCOMES[want % OUTCOMES.length];
        naive.giveBack(leaseId, outcome);
        return this.#hear({ type: 'lease.return', leaseId, at, ...(outcome && { outcome }) });
      }
      case 'circuit': {
        const circuit = CIRCUITS[want % CIRCUITS.length] ?? 'closed';
        if (agent) naive.circuit(agent, circuit);
        return this.#hear({ type: 'pool.circuit', agentId: ofAgent.agentId, circuit, at });
      }
      case 'returnAll':
        return this.#returnAll(`h${pick % 4}`);
      case 'crashed':
        if (agent) naive.end(agent, 'AGENT_CRASHED', at);
        return this.#hear({ type: 'child.crashed', ...ofChild, cause: { name: 'Error', message: 'boom' } });
      case 'lost':
        if (agent) naive.end(agent, 'AGENT_LOST', at);
        return this.#hear({ type: 'child.done', ...ofChild, output: { end: 'lost' } });
      case 'failed':
        if (agent) naive.end(agent, 'AGENT_NOT_READY', at);
        return this.#hear({ type: 'child.done', ...ofChild, output: { end: 'failed' } });
      case 'unregister': {
        const known = naive.agents.get(name);
        if (known) naive.unregister(known);
        return this.#hear({ type: 'pool.unregister', agentIds: [name, 'nobody'], at });
      }
      case 'stopped': {
        if (agent?.status !== 'draining' || agent.leases.size > 0) return;
        naive.end(agent, 'stopped', at);
        return this.#hear({ type: 'child.done', ...ofChild, output: { end: 'stopped' } });
      }
      case 'stale':
        this.#hear({ type: 'agent.ready', ...ofAgent, incarnation: ofAgent.incarnation - 1, dueAt: 0 });
        return this.#hear({
          type: 'child.crashed',
          ...ofChild,
          incarnation: ofAgent.incarnation - 1,
          cause: { name: 'E', message: 'late' },
        });
      case 'wait':
        this.#pass(2_000);
    }
  }

  /** Everybody gives back and goes: nothing may be left. */
  end(): void {
    for (const holder of ['h0', 'h1', 'h2', 'h3']) this.#returnAll(holder);
    for (const agent of [...this.naive.agents.values()]) {
      this.naive.unregister(agent);
      this.#hear({ type: 'pool.unregister', agentIds: [agent.spec.id], at: this.live.clock.now() });
      if (!this.naive.agents.has(agent.spec.id)) continue;
      this.naive.end(agent, 'stopped', this.live.clock.now());
      const child = { id: `agent/${agent.spec.id}`, incarnation: agent.incarnation, at: this.live.clock.now() };
      this.#hear({ type: 'child.done', ...child, output: { end: 'stopped' } });
    }
    const { agents, ordinals, kinds, kindsByCapability, leases, waiting, waitingBySeq, requirements, held } = this.live.state;
    for (const left of [agents, ordinals, kinds, kindsByCapability, leases, waiting, waitingBySeq, requirements, held])
      expect(left.size).toBe(0);
    expect(this.live.clock.pending, 'timers').toBe(0);
    this.#checkLives();
    this.live.actor.stop();
  }

  /** Every request was answered once, and every lease ended once, or was given back. */
  #checkLives(): void {
    for (const outcomes of this.outcomes.values()) {
      expect(outcomes.length).toBeLessThanOrEqual(2);
      expect(['granted', 'refused']).toContain(outcomes[0]);
      if (outcomes.length === 2) expect(outcomes).toEqual(['granted', 'lost']);
    }
  }

  #pass(ms: number): void {
    const end = this.live.clock.now() + ms;
    for (;;) {
      const due = this.live.state.leases.filter(({ dueAt }) => dueAt !== undefined && dueAt <= end);
      const [next] = [...due.entries()].sort(([, one], [, other]) => (one.dueAt ?? 0) - (other.dueAt ?? 0));
      if (!next) break;
      expect(this.live.clock.nextDueAt).toBe(next[1].dueAt);
      const heard = this.live.answers.length;
      this.live.clock.fireNext();
      this.live.check();
      const expired = this.live.answers[heard]?.message.leaseId ?? '';
      this.naive.expire(expired);
      this.#compare();
    }
    this.live.clock.advance(end - this.live.clock.now());
  }

  #returnAll(holder: string): void {
    this.naive.giveBackAll(this.live.state.held.get(holder)?.toArray() ?? []);
    this.#hear({ type: 'lease.returnAll', holder, at: this.live.clock.now() });
  }

  #hear(event: PoolEvent): void {
    this.live.hear(event);
    this.#compare();
  }

  #compare(): void {
    const said = this.live.answers.slice(this.#heard);
    this.#heard = this.live.answers.length;
    for (const { message } of said) {
      const outcome = message.type.replace('lease.', '');
      this.outcomes.set(message.leaseId, [...(this.outcomes.get(message.leaseId) ?? []), outcome]);
    }
    const should = this.naive.take();
    expect(said.map(say).toSorted()).toEqual(should.toSorted());
    const loads = this.live.state.agents
      .valueSeq()
      .map(({ spec, leases, status }) => [
        spec.id,
        leases.toArray().sort(),
        status === 'restarting' || status === 'lost' ? 'starting' : status,
      ])
      .toArray();
    const expected = [...this.naive.agents.values()].map(({ spec, leases, status }) => [spec.id, [...leases.keys()].sort(), status]);
    expect(loads.toSorted()).toEqual(expected.toSorted());
    for (const { spec, leases } of this.live.state.agents.values()) expect(leases.size).toBeLessThanOrEqual(spec.maxConcurrentTasks);
    expect([...this.live.state.waiting.keys()].sort()).toEqual(this.naive.waiting.map(({ leaseId }) => leaseId).sort());
  }
}

describe('the pool', () => {
  it('does what the plainest program would, whatever happens in whatever order, and leaks nothing', () => {
    fc.assert(
      fc.property(fc.array(stride, { maxLength: 60, size: 'max' }), (strides) => {
        const race = new Race();
        for (const next of strides) race.stride(next);
        race.end();
      }),
      { numRuns: 150 },
    );
  });
});
