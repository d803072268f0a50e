/** Which agents meet a request, which of them is the least loaded, and what is missing when there is none. */

import { leastOrdinal, type OrdinalSet, withoutOrdinal } from './ordinal-set.ts';
import { NO_ORDINALS } from './pool.queue.ts';
import { type AgentRecord, agentNamed, hasRoom, type Kind, type PoolState, placeOf, serves } from './pool.state.ts';
import { executionError } from './protocol/errors.ts';
import type { ExecutionError } from './protocol/execution.ts';

/** What a request and a requirement have in common. */
export interface Wanted {
  readonly capabilities: readonly string[];
  readonly swarmId?: string | undefined;
  readonly agents?: readonly string[] | undefined;
  readonly exclude: readonly string[];
}

interface Offer {
  readonly swarmId?: string | undefined;
  readonly capabilities: readonly string[];
}

/** Everybody's agents, and those of the swarm that asks; with all that is wanted. */
export const offers = (offer: Offer, { swarmId, capabilities }: Wanted): boolean =>
  isInScope(offer, swarmId) && capabilities.every((capability) => offer.capabilities.includes(capability));

const isInScope = (offer: Offer, swarmId: string | undefined): boolean => offer.swarmId === undefined || offer.swarmId === swarmId;

/** Whether this very agent meets it, busy or not. */
export const meets = ({ spec }: AgentRecord, wanted: Wanted): boolean =>
  offers(spec, wanted) && !wanted.exclude.includes(spec.id) && (wanted.agents?.includes(spec.id) ?? true);

/** Not every agent of a kind that meets the capabilities will do. */
export const isPicky = ({ agents, exclude }: Wanted): boolean => agents !== undefined || exclude.length > 0;

/** Looks only at kinds with the rarest of the capabilities. */
export function kindsFor(state: PoolState, wanted: Wanted): readonly Kind[] {
  let fewest: Iterable<string> = state.kinds.keys();
  let least = Number.POSITIVE_INFINITY;
  for (const capability of wanted.capabilities) {
    const keys = state.kindsByCapability.get(capability);
    if (!keys) return [];
    if (keys.size >= least) continue;
    least = keys.size;
    fewest = keys;
  }
  const found: Kind[] = [];
  for (const key of fewest) {
    const kind = state.kinds.get(key);
    if (kind && offers(kind, wanted)) found.push(kind);
  }
  return found;
}

/** The least loaded of the ready agents with room that meet it, a degraded one only if there is no other; among equals the one that was registered first. */
export function bestAgent(state: PoolState, wanted: Wanted): AgentRecord | undefined {
  let best: AgentRecord | undefined;
  const consider = (record: AgentRecord | undefined): void => {
    if (record && (!best || placeOf(record) < placeOf(best) || (placeOf(record) === placeOf(best) && record.ordinal < best.ordinal)))
      best = record;
  };
  if (wanted.agents) {
    for (const record of named(state, wanted.agents)) if (hasRoom(record) && meets(record, wanted)) consider(record);
    return best;
  }
  const excluded = named(state, wanted.exclude);
  for (const kind of kindsFor(state, wanted)) consider(leastLoaded(state, kind, excluded));
  return best;
}

/** Whether an agent that serves, or will again, meets it. */
export function canBeServed(state: PoolState, wanted: Wanted): boolean {
  if (wanted.agents) return named(state, wanted.agents).some((record) => serves(record) && meets(record, wanted));
  const excluded = named(state, wanted.exclude).filter(serves);
  return kindsFor(state, wanted).some(({ key, members }) => members > excluded.filter(({ kind }) => kind === key).length);
}

/** Why nobody can serve a request: the capabilities that nobody offers, or that nobody offers all of them, and who was left out. */
export function nobodyFor(state: PoolState, wanted: Wanted): ExecutionError {
  const { capabilities, agents, exclude, swarmId } = wanted;
  const isOffered = (capability: string) =>
    (state.kindsByCapability.get(capability) ?? []).some((key) => isInScope(state.kinds.get(key) ?? NOBODY, swarmId));
  const missing = capabilities.filter((capability) => !isOffered(capability));
  const leftOut = named(state, exclude).filter((record) => serves(record) && offers(record.spec, wanted));
  const excluded = leftOut.map(({ spec }) => spec.id);
  const except = excluded.length > 0 ? `, except ${quoted(excluded)}, which must not be used` : '';
  const lost = lostFor(state, wanted);
  const context = { capabilities, missing, excluded, ...(agents && { agents }), givenUp: lost.map(([id]) => id) };
  const why = lost.map(([id, message]) => `; ${quoted([id])} was given up: ${message}`).join('');
  return executionError('NO_CAPABLE_AGENT', `${problem(capabilities, missing, agents)}${except}${why}`, 'tier1', { context });
}

/** Agents that would have served, had they not failed too often; the first few. */
function lostFor(state: PoolState, wanted: Wanted): readonly (readonly [string, string])[] {
  return state.givenUp
    .entrySeq()
    .take(MOST_LOOKED_AT)
    .filter(([id]) => {
      const record = agentNamed(state, id);
      return record !== undefined && offers(record.spec, wanted) && (wanted.agents?.includes(id) ?? true);
    })
    .take(MOST_EXPLAINED)
    .toArray();
}

function problem(capabilities: readonly string[], missing: readonly string[], agents: readonly string[] | undefined): string {
  if (agents) return `None of the agents ${quoted(agents)} serves${capabilities.length > 0 ? ` with ${quoted(capabilities)}` : ''}`;
  if (missing.length > 0) return `No agent offers ${quoted(missing)}`;
  if (capabilities.length === 0) return 'No agent serves';
  return capabilities.length === 1 ? `No agent offers ${quoted(capabilities)}` : `No agent offers all of ${quoted(capabilities)}`;
}

const MOST_NAMED = 10;
const MOST_LOOKED_AT = 1_000;
const MOST_EXPLAINED = 3;
const NOBODY: Offer = { swarmId: '', capabilities: [] };

function quoted(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMED).map((name) => `"${name}"`);
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

const named = (state: PoolState, ids: readonly string[]): readonly AgentRecord[] =>
  [...new Set(ids)].flatMap((id) => agentNamed(state, id) ?? []);

function leastLoaded(state: PoolState, kind: Kind, excluded: readonly AgentRecord[]): AgentRecord | undefined {
  const left = excluded.filter((record) => record.kind === kind.key && hasRoom(record));
  for (
    let places = kind.places, place = leastOrdinal(places);
    place !== undefined;
    places = withoutOrdinal(places, place), place = leastOrdinal(places)
  ) {
    let free: OrdinalSet = kind.free.get(place) ?? NO_ORDINALS;
    for (const record of left) if (placeOf(record) === place) free = withoutOrdinal(free, record.ordinal);
    const ordinal = leastOrdinal(free);
    if (ordinal !== undefined) return state.agents.get(ordinal);
  }
  return undefined;
}
