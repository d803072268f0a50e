/** Interleavings of a pool with a few agents and holders, and what must hold of every one. */

import assert from 'node:assert/strict';
import { hasRoom, type PoolState, serves } from '../../../src/machines/pool.state.ts';
import type { PoolEvent } from '../../../src/machines/pool.turn.ts';
import type { AgentSpec, LeaseRequest } from '../../../src/machines/protocol/agent.ts';
import type { Pick } from '../../../src/testing/random.ts';
import { aRequest, aSpec, LivePool } from './agents.ts';
import { again, type Interleaving, telling, wait } from './interleavings.ts';

const OFFERS: readonly Partial<AgentSpec>[] = [
  { capabilities: ['code'] },
  { capabilities: ['code', 'test'], maxConcurrentTasks: 2 },
  { capabilities: ['test'], life: { hasBody: false, readyTimeoutMs: 1, restart: { maxRestarts: 1, withinMs: 1_000 } } },
  { capabilities: ['code'], swarmId: 'own' },
];
const NAMES = ['ann', 'bob', 'cid', 'dora'] as const;
const WANTS: readonly Partial<LeaseRequest>[] = [
  {},
  { capabilities: ['test'] },
  { capabilities: ['code', 'test'] },
  { swarmId: 'own' },
  { exclude: ['ann'] },
  { agents: ['bob', 'cid'] },
  { capabilities: ['sing'] },
];

/** A crash of the process: its facts are all that is left, and every agent begins its next life. */
export const tellPool = (pick: Pick): Interleaving =>
  telling((told) => {
    let live = new LivePool();
    const answers = new Answers();
    const facts: LivePool['facts'] = [];
    told.facts = () => [...facts, ...live.facts];
    let heard = 0;
    let asked = 0;
    for (let strides = 10 + pick(30); strides > 0; strides--) {
      const passed = wait(pick, 1_500);
      told.heard.push(`${passed} ms pass`);
      live.clock.advance(passed);
      if (pick(25) === 24) {
        const downMs = pick(3) === 2 ? pick(10_000) : 0;
        told.heard.push(`crash, ${downMs} ms down`);
        for (const answer of live.answers.slice(heard)) answers.hear(answer);
        heard = 0;
        live = crashed(live, downMs, facts);
      }
      const at = live.clock.now();
      const event = pick(6) === 5 ? again<PoolEvent>(pick, told.heard, at) : chosen(live.state, pick, at, () => `l${++asked}`);
      if (event) {
        told.heard.push(event);
        answers.ask(event);
        live.hear(event);
      }
      for (const answer of live.answers.slice(heard)) answers.hear(answer);
      heard = live.answers.length;
      checkPool(live);
    }
    live.actor.stop();
  });

function crashed(live: LivePool, downMs: number, facts: LivePool['facts']): LivePool {
  live.check();
  const { state, clock } = live;
  live.actor.stop();
  assert.equal(clock.pending, 0, 'timers after the end');
  facts.push(...live.facts);
  return new LivePool(undefined, state, clock.now() + downMs);
}

function chosen(state: PoolState, pick: Pick, at: number, mint: () => string): PoolEvent {
  const name = NAMES[pick(NAMES.length)] ?? 'ann';
  const agents = state.agents.valueSeq().toArray();
  const agent = agents[pick(Math.max(1, agents.length))];
  const incarnation = (agent?.incarnation ?? 1) - (pick(6) === 5 ? 1 : 0);
  const ofAgent = { agentId: agent?.spec.id ?? 'nobody', incarnation, at, dueAt: 0 };
  const ofChild = { id: `agent/${ofAgent.agentId}`, incarnation, at };
  const leaseIds = [...state.leases.keys(), ...state.waiting.keys(), 'unknown'];
  const ends = ['stopped', 'lost', 'failed'] as const;
  switch (pick(16)) {
    case 0:
    case 1:
      return { type: 'pool.register', agents: [aSpec(name, OFFERS[pick(OFFERS.length)])], at };
    case 2:
    case 3:
    case 4:
      return { type: 'agent.ready', ...ofAgent };
    case 5:
      return { type: 'agent.suspected', ...ofAgent, missed: 1 };
    case 6:
      return { type: 'agent.recovered', ...ofAgent };
    case 7:
      return { type: 'child.crashed', ...ofChild, cause: { name: 'Error', message: 'boom' } };
    case 8:
      return { type: 'child.done', ...ofChild, output: { end: ends[pick(ends.length)] ?? 'lost' } };
    case 9:
      return { type: 'pool.unregister', agentIds: [name, 'nobody'], ...(pick(2) === 0 && { graceMs: pick(500) }), at };
    case 10:
      return { type: 'lease.returnAll', holder: `h${pick(3)}`, at };
    case 11:
    case 12:
      return { type: 'lease.return', leaseId: leaseIds[pick(leaseIds.length)] ?? 'unknown', at };
    default: {
      const ttl = pick(3) === 0 ? { ttlMs: 1 + pick(400) } : {};
      const more = { ...WANTS[pick(WANTS.length)], ...ttl, holder: `h${pick(3)}`, priority: pick(3) };
      return { type: 'lease.request', request: aRequest(mint(), more), at };
    }
  }
}

/** No request has more than one answer, and no lease is lost that was not granted. */
class Answers {
  readonly #counts = new Map<string, { asked: number; answered: number; granted: number; lost: number }>();

  ask(event: PoolEvent): void {
    if (event.type === 'lease.request') this.#of(event.request.leaseId).asked++;
  }

  hear({ message: { type, leaseId } }: LivePool['answers'][number]): void {
    const counts = this.#of(leaseId);
    if (type === 'lease.lost') counts.lost++;
    else counts.answered++;
    if (type === 'lease.granted') counts.granted++;
    assert.ok(counts.answered <= counts.asked && counts.lost <= counts.granted, `${leaseId}: ${JSON.stringify(counts)}`);
  }

  #of(leaseId: string) {
    const counts = this.#counts.get(leaseId) ?? { asked: 0, answered: 0, granted: 0, lost: 0 };
    this.#counts.set(leaseId, counts);
    return counts;
  }
}

/** Nobody has too much, nobody waits for what is free, and every timer is somebody's. */
function checkPool({ state, clock }: LivePool): void {
  const held = new Map<string, string>();
  for (const { spec, leases, status } of state.agents.values()) {
    assert.ok(leases.size <= spec.maxConcurrentTasks, `"${spec.id}" has too many leases`);
    if (status === 'escalated') assert.equal(leases.size, 0, `"${spec.id}" was given up and has leases`);
    for (const leaseId of leases) {
      assert.ok(!held.has(leaseId), `two agents have ${leaseId}`);
      held.set(leaseId, spec.id);
    }
  }
  assert.deepEqual([...held.keys()].sort(), [...state.leases.keys()].sort(), 'the leases of agents are the leases');
  const known = [...state.leases.keys(), ...state.waiting.keys()].sort();
  const ofHolders = [...state.held.values()].flatMap((ids) => ids.toArray());
  assert.deepEqual(ofHolders.sort(), known, 'holders hold what there is');
  for (const { request } of state.waiting.values()) {
    const meeting = [...state.agents.values()].filter((agent) => serves(agent) && meets(agent.spec, request));
    assert.ok(meeting.length > 0, `nobody could ever serve ${request.leaseId}, which waits`);
    assert.ok(!meeting.some(hasRoom), `${request.leaseId} waits, but an agent is free`);
  }
  const dues = [...state.leases.values(), ...state.agents.filter(({ status }) => status === 'draining').values()].flatMap(
    ({ dueAt }) => dueAt ?? [],
  );
  const next = dues.length === 0 ? undefined : Math.min(...dues);
  if (next !== undefined && next > clock.now()) assert.ok((clock.nextDueAt ?? Number.POSITIVE_INFINITY) <= next, 'a timer is missing');
  assert.ok(clock.pending <= dues.length, 'a timer is nobody’s');
}

const meets = ({ id, capabilities, swarmId }: AgentSpec, request: LeaseRequest): boolean =>
  (swarmId === undefined || swarmId === request.swarmId) &&
  request.capabilities.every((capability) => capabilities.includes(capability)) &&
  (request.agents === undefined || request.agents.includes(id)) &&
  !request.exclude.includes(id);
