/** Sets of agents by their place in the registration order, and an index from capabilities to those who have them all. */

import type { AgentSpec } from '../../machines/protocol/agent.ts';

/** A bit for each agent, so that a set of 10,000 is compared with another one in 313 steps. Iterates in registration order. */
export class AgentSet implements Iterable<number> {
  readonly #words: Uint32Array;
  #size = 0;

  constructor(words: Uint32Array) {
    this.#words = words;
    for (const word of words) this.#size += bitsIn(word);
  }

  static none(agents: number): AgentSet {
    return new AgentSet(new Uint32Array(Math.ceil(agents / 32)));
  }

  static all(agents: number): AgentSet {
    const all = AgentSet.none(agents);
    for (let agent = 0; agent < agents; agent++) all.add(agent);
    return all;
  }

  get size(): number {
    return this.#size;
  }

  has(agent: number): boolean {
    return ((this.#words[agent >>> 5] ?? 0) & (1 << (agent & 31))) !== 0;
  }

  add(agent: number): void {
    if (this.has(agent)) return;
    const at = agent >>> 5;
    this.#words[at] = (this.#words[at] ?? 0) | (1 << (agent & 31));
    this.#size++;
  }

  delete(agent: number): void {
    if (!this.has(agent)) return;
    const at = agent >>> 5;
    this.#words[at] = (this.#words[at] ?? 0) & ~(1 << (agent & 31));
    this.#size--;
  }

  and(other: AgentSet): AgentSet {
    return new AgentSet(this.#words.map((word, at) => word & (other.#words[at] ?? 0)));
  }

  without(other: AgentSet): AgentSet {
    return new AgentSet(this.#words.map((word, at) => word & ~(other.#words[at] ?? 0)));
  }

  or(other: AgentSet): AgentSet {
    return new AgentSet(this.#words.map((word, at) => word | (other.#words[at] ?? 0)));
  }

  meets(other: AgentSet): boolean {
    return this.#words.some((word, at) => (word & (other.#words[at] ?? 0)) !== 0);
  }

  /** The one registered first of those in both. */
  firstIn(other: AgentSet): number | undefined {
    const words = Math.min(this.#words.length, other.#words.length);
    for (let at = 0; at < words; at++) {
      const both = (this.#words[at] ?? 0) & (other.#words[at] ?? 0);
      if (both !== 0) return at * 32 + lowestBit(both);
    }
    return undefined;
  }

  *[Symbol.iterator](): Iterator<number> {
    for (const [at, word] of this.#words.entries()) {
      for (let left = word; left !== 0; left &= left - 1) yield at * 32 + lowestBit(left);
    }
  }
}

const lowestBit = (word: number): number => 31 - Math.clz32(word & -word);

function bitsIn(word: number): number {
  let count = 0;
  for (let left = word; left !== 0; left &= left - 1) count++;
  return count;
}

export class CapabilityIndex {
  readonly size: number;
  readonly #everybody: AgentSet;
  readonly #byCapability = new Map<string, AgentSet>();
  readonly #answers = new Map<string, AgentSet>();

  constructor(agents: readonly Pick<AgentSpec, 'capabilities'>[]) {
    this.size = agents.length;
    this.#everybody = AgentSet.all(agents.length);
    for (const [agent, { capabilities }] of agents.entries()) {
      for (const capability of capabilities) this.#place(capability).add(agent);
    }
  }

  /** Those who have all of the capabilities; everybody, where none is asked for. */
  having(capabilities: readonly string[]): AgentSet {
    const key = keyOf(capabilities);
    const known = this.#answers.get(key);
    if (known) return known;
    const nobody = AgentSet.none(0);
    const found = capabilities.reduce((left, capability) => left.and(this.#byCapability.get(capability) ?? nobody), this.#everybody);
    this.#answers.set(key, found);
    return found;
  }

  /** Whether anybody at all has it. */
  exists(capability: string): boolean {
    return this.#byCapability.has(capability);
  }

  #place(capability: string): AgentSet {
    const known = this.#byCapability.get(capability);
    if (known) return known;
    const made = AgentSet.none(this.size);
    this.#byCapability.set(capability, made);
    return made;
  }
}

/** The same for the same capabilities in any order. */
export const keyOf = (capabilities: readonly string[]): string => JSON.stringify([...new Set(capabilities)].sort());
