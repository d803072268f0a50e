/** How the pool's index follows from what changes: an agent's record, and a request that begins or ceases to wait. */

import { type OrdinalSet, withOrdinal, withoutOrdinal } from './ordinal-set.ts';
import { isPicky, kindsFor, offers } from './pool.match.ts';
import { dequeued, EMPTY_QUEUE, enqueued, first, inOrder, NO_ORDINALS, type Place } from './pool.queue.ts';
import {
  type AgentRecord,
  emptyKind,
  hasRoom,
  type Kind,
  NO_NAMES,
  type PoolState,
  placeOf,
  type Requirement,
  serves,
  type Waiting,
} from './pool.state.ts';
import type { LeaseRequest } from './protocol/agent.ts';

export const kindKey = (swarmId: string | undefined, capabilities: readonly string[]): string =>
  JSON.stringify([swarmId ?? null, capabilities]);

const requirementKey = ({ swarmId, capabilities, agents, exclude }: LeaseRequest): string =>
  JSON.stringify([swarmId ?? null, capabilities.toSorted(), agents?.toSorted() ?? null, exclude.toSorted()]);

/** With an agent's record added, replaced, or removed. */
export function withRecord(state: PoolState, before: AgentRecord | undefined, after: AgentRecord | undefined): PoolState {
  const record = after ?? before;
  if (!record) return state;
  const agents = after ? state.agents.set(after.ordinal, after) : state.agents.delete(record.ordinal);
  const ordinals = after ? state.ordinals.set(after.spec.id, after.ordinal) : state.ordinals.delete(record.spec.id);
  const was = state.kinds.get(record.kind);
  const kind = rebooked(was ?? emptyKind(record.kind, record.spec), before, after);
  const next = { ...state, agents, ordinals };
  if (kind.members === 0) return was ? withoutKind(next, was) : next;
  return was ? { ...next, kinds: state.kinds.set(kind.key, kind) } : withNewKind(next, kind);
}

function rebooked(kind: Kind, before: AgentRecord | undefined, after: AgentRecord | undefined): Kind {
  const members = kind.members + Number(after !== undefined && serves(after)) - Number(before !== undefined && serves(before));
  let { places, free } = kind;
  const put = (place: number, agents: OrdinalSet): void => {
    places = agents.size > 0 ? withOrdinal(places, place) : withoutOrdinal(places, place);
    free = agents.size > 0 ? free.set(place, agents) : free.delete(place);
  };
  const at = (place: number): OrdinalSet => free.get(place) ?? NO_ORDINALS;
  if (before && hasRoom(before)) put(placeOf(before), withoutOrdinal(at(placeOf(before)), before.ordinal));
  if (after && hasRoom(after)) put(placeOf(after), withOrdinal(at(placeOf(after)), after.ordinal));
  return { ...kind, members, places, free };
}

/** A new kind meets requirements that wait already. Rare, so it may look at all of them. */
function withNewKind(state: PoolState, fresh: Kind): PoolState {
  let kind = fresh;
  let { requirements, kindsByCapability } = state;
  for (const capability of kind.capabilities) {
    kindsByCapability = kindsByCapability.set(capability, (kindsByCapability.get(capability) ?? NO_NAMES).add(kind.key));
  }
  for (const requirement of state.requirements.values()) {
    if (!offers(kind, requirement)) continue;
    requirements = requirements.set(requirement.key, { ...requirement, kinds: requirement.kinds.add(kind.key) });
    kind = listed(kind, requirement);
  }
  return { ...state, requirements, kindsByCapability, kinds: state.kinds.set(kind.key, kind) };
}

function listed(kind: Kind, requirement: Requirement): Kind {
  const head = first(requirement.queue);
  const heads = head ? enqueued(kind.heads, head) : kind.heads;
  return { ...kind, heads, picky: isPicky(requirement) ? kind.picky.add(requirement.key) : kind.picky };
}

function withoutKind(state: PoolState, { key, capabilities, heads }: Kind): PoolState {
  let { requirements, kindsByCapability } = state;
  for (const capability of capabilities) {
    const rest = (kindsByCapability.get(capability) ?? NO_NAMES).delete(key);
    kindsByCapability = rest.size > 0 ? kindsByCapability.set(capability, rest) : kindsByCapability.delete(capability);
  }
  for (const { key: name } of requirementsAt(state, inOrder(heads))) {
    const requirement = requirements.get(name);
    if (requirement) requirements = requirements.set(name, { ...requirement, kinds: requirement.kinds.delete(key) });
  }
  return { ...state, requirements, kindsByCapability, kinds: state.kinds.delete(key) };
}

export function* requirementsAt(state: PoolState, places: Iterable<Place>): Generator<Requirement> {
  for (const { seq } of places) {
    const waiting = waitingAt(state, seq);
    const requirement = waiting && state.requirements.get(waiting.requirement);
    if (requirement) yield requirement;
  }
}

export const waitingAt = (state: PoolState, seq: number): Waiting | undefined => state.waiting.get(state.waitingBySeq.get(seq) ?? '');

const turnOf = ({ request, seq }: Waiting): Place => ({ priority: request.priority, seq });

export function withWaiting(state: PoolState, request: LeaseRequest): PoolState {
  const key = requirementKey(request);
  const known = state.requirements.get(key);
  const waiting: Waiting = { request, seq: state.nextSeq, requirement: key };
  const next = {
    ...state,
    nextSeq: state.nextSeq + 1,
    waiting: state.waiting.set(request.leaseId, waiting),
    waitingBySeq: state.waitingBySeq.set(waiting.seq, request.leaseId),
  };
  const before = known ?? newRequirement(state, key, request);
  const after = { ...before, queue: enqueued(before.queue, turnOf(waiting)) };
  return withRequirement(next, before, after);
}

export function withoutWaiting(state: PoolState, waiting: Waiting): PoolState {
  const { request, seq, requirement: key } = waiting;
  const left = state.waiting.delete(request.leaseId);
  const next = { ...state, nextSeq: left.size === 0 ? 0 : state.nextSeq, waiting: left, waitingBySeq: state.waitingBySeq.delete(seq) };
  const before = state.requirements.get(key);
  if (!before) return next;
  return withRequirement(next, before, { ...before, queue: dequeued(before.queue, turnOf(waiting)) });
}

function newRequirement(state: PoolState, key: string, { capabilities, swarmId, agents, exclude }: LeaseRequest): Requirement {
  const kinds = NO_NAMES.union(kindsFor(state, { capabilities, swarmId, exclude }).map((kind) => kind.key));
  return { key, capabilities, swarmId, agents, exclude, queue: EMPTY_QUEUE, kinds };
}

/** Every kind that meets a requirement knows the first of those that wait for it. */
function withRequirement(state: PoolState, before: Requirement, after: Requirement): PoolState {
  const isGone = after.queue.size === 0;
  const requirements = isGone ? state.requirements.delete(after.key) : state.requirements.set(after.key, after);
  const was = first(before.queue);
  const is = first(after.queue);
  if (was?.seq === is?.seq) return { ...state, requirements };
  let { kinds } = state;
  for (const key of after.kinds) {
    const kind = kinds.get(key);
    if (!kind) continue;
    const rest = was ? { ...kind, heads: dequeued(kind.heads, was) } : kind;
    kinds = kinds.set(key, isGone ? { ...rest, picky: rest.picky.delete(after.key) } : listed(rest, after));
  }
  return { ...state, requirements, kinds };
}
