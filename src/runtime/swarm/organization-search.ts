/**
 * The organizer's last resort, where a matching is not enough: agents may play several roles, but not any two of them, or the players who fill
 * the minima cannot do the tasks. In general that is as hard as colouring a graph, so the search is exact and bounded.
 */

import { AgentSet } from './organization-agents.ts';
import { type Demand, isCovered, joinable, type Players, type Problem } from './organization-problem.ts';

/** What a search may cost, in agents looked at and in sets of 1,000 agents compared, and the places that it fills. */
const MAX_EFFORT = 200_000;
const MAX_SLOTS = 400;

export type SearchOutcome =
  | { readonly kind: 'found'; readonly players: Players }
  /** There is no such assignment. */
  | { readonly kind: 'impossible' }
  /** Nobody knows. */
  | { readonly kind: 'exhausted' };

/** Players that meet every minimum and every demand; only those who are needed. */
export function searchPlayers(problem: Problem): SearchOutcome {
  const slots = slotsOf(problem);
  if (slots.length > MAX_SLOTS) return { kind: 'exhausted' };
  const players = problem.capable.map(() => AgentSet.none(problem.agents));
  const search = new Search(problem, slots, players);
  if (search.fill(0)) return { kind: 'found', players };
  return { kind: search.isExhausted ? 'exhausted' : 'impossible' };
}

/** A place to fill: somebody for a demand, or one player more until a role has its minimum. */
type Slot = { readonly demand: Demand } | { readonly role: number; readonly count: number };

/** Those with the least choice first. */
function slotsOf({ demands, min, capable }: Problem): readonly Slot[] {
  const choices = (slot: Slot): number => {
    if ('role' in slot) return capable[slot.role]?.size ?? 0;
    return slot.demand.alternatives.reduce((sum, { agents }) => sum + agents.size, 0);
  };
  const slots: Slot[] = demands.map((demand) => ({ demand }));
  for (const [role, least] of min.entries()) {
    for (let count = 1; count <= Math.min(least, MAX_SLOTS + 1); count++) slots.push({ role, count });
  }
  return slots
    .map((slot) => ({ slot, choices: choices(slot) }))
    .sort((a, b) => a.choices - b.choices)
    .map(({ slot }) => slot);
}

class Search {
  readonly #problem: Problem;
  readonly #slots: readonly Slot[];
  readonly #players: Players;
  /** Agents with the same kind can stand in for each other. */
  readonly #kinds: readonly number[];
  #effort = 0;

  constructor(problem: Problem, slots: readonly Slot[], players: Players) {
    this.#problem = problem;
    this.#slots = slots;
    this.#players = players;
    this.#kinds = kindsOf(problem);
  }

  get isExhausted(): boolean {
    return this.#effort >= MAX_EFFORT;
  }

  /** A slot that is filled already needs nobody: fewer players never stand in the way of more. */
  fill(at: number): boolean {
    const slot = this.#slots[at];
    if (!slot) return true;
    if (this.#isFilled(slot)) return this.fill(at + 1);
    const choices = 'role' in slot ? [{ role: slot.role, agents: undefined }] : slot.demand.alternatives;
    return choices.some(({ role, agents }) => this.#tryAll(role, agents, at));
  }

  #isFilled(slot: Slot): boolean {
    return 'role' in slot ? (this.#players[slot.role]?.size ?? 0) >= slot.count : isCovered(this.#players, slot.demand);
  }

  #tryAll(role: number, among: AgentSet | undefined, at: number): boolean {
    const { agents, conflicts } = this.#problem;
    this.#effort += ((conflicts[role]?.length ?? 0) * agents) / 1_000;
    const free = joinable(this.#problem, this.#players, role);
    const tried = new Set<string>();
    for (const agent of among ? free.and(among) : free) {
      if (this.#effort++ >= MAX_EFFORT) return false;
      const held = this.#players.flatMap((players, other) => (players.has(agent) ? [other] : []));
      const likeness = `${this.#kinds[agent]}/${held.join()}`;
      if (tried.has(likeness)) continue;
      tried.add(likeness);
      this.#players[role]?.add(agent);
      if (this.fill(at + 1)) return true;
      this.#players[role]?.delete(agent);
    }
    return false;
  }
}

/** By agent: a number for the roles and demands that it fits. */
function kindsOf({ agents, capable, demands }: Problem): readonly number[] {
  const sets = [...capable, ...demands.flatMap(({ alternatives }) => alternatives.map((alternative) => alternative.agents))];
  let kinds: number[] = Array.from({ length: agents }, () => 0);
  for (const set of new Set(sets)) {
    const numbers = new Map<number, number>();
    kinds = kinds.map((kind, agent) => {
      const split = kind * 2 + (set.has(agent) ? 1 : 0);
      const known = numbers.get(split) ?? numbers.size;
      numbers.set(split, known);
      return known;
    });
  }
  return kinds;
}
