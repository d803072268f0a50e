/**
 * A persistent ordered set of small integers: a bitmap trie with 32 children a node.
 *
 * Adding, removing and finding the least are O(log32 n), share all untouched nodes, and the set is plain data, as shallow as the logarithm.
 */

export interface OrdinalSet {
  readonly size: number;
  readonly depth: number;
  readonly root: Node;
}
interface Node {
  readonly bits: number;
  readonly nodes: readonly (Node | undefined)[];
}

const WIDTH = 5;
const MASK = (1 << WIDTH) - 1;
const EMPTY_NODE: Node = { bits: 0, nodes: [] };

/** An empty set for integers from 0 to `capacity - 1`. */
export function emptyOrdinals(capacity: number): OrdinalSet {
  let depth = 0;
  while (capacity > 1 << (WIDTH * (depth + 1))) depth++;
  return { size: 0, depth, root: EMPTY_NODE };
}

export function hasOrdinal(set: OrdinalSet, ordinal: number): boolean {
  let node: Node | undefined = set.root;
  for (let level = set.depth; node; level--) {
    const slot = (ordinal >>> (WIDTH * level)) & MASK;
    if ((node.bits & (1 << slot)) === 0) return false;
    if (level === 0) return true;
    node = node.nodes[slot];
  }
  return false;
}

export function withOrdinal(set: OrdinalSet, ordinal: number): OrdinalSet {
  return hasOrdinal(set, ordinal) ? set : { ...set, size: set.size + 1, root: added(set.root, ordinal, set.depth) };
}

export function withoutOrdinal(set: OrdinalSet, ordinal: number): OrdinalSet {
  return hasOrdinal(set, ordinal) ? { ...set, size: set.size - 1, root: removed(set.root, ordinal, set.depth) } : set;
}

export function leastOrdinal(set: OrdinalSet): number | undefined {
  if (set.size === 0) return undefined;
  let node: Node = set.root;
  let ordinal = 0;
  for (let level = set.depth; ; level--) {
    const slot = 31 - Math.clz32(node.bits & -node.bits);
    ordinal = (ordinal << WIDTH) | slot;
    if (level === 0) return ordinal;
    node = node.nodes[slot] ?? EMPTY_NODE;
  }
}

function added(node: Node, ordinal: number, level: number): Node {
  const slot = (ordinal >>> (WIDTH * level)) & MASK;
  const bits = node.bits | (1 << slot);
  if (level === 0) return { bits, nodes: node.nodes };
  return { bits, nodes: replaced(node, slot, added(node.nodes[slot] ?? EMPTY_NODE, ordinal, level - 1)) };
}

function removed(node: Node, ordinal: number, level: number): Node {
  const slot = (ordinal >>> (WIDTH * level)) & MASK;
  if (level === 0) return { bits: node.bits & ~(1 << slot), nodes: node.nodes };
  const child = removed(node.nodes[slot] ?? EMPTY_NODE, ordinal, level - 1);
  return child.bits === 0
    ? { bits: node.bits & ~(1 << slot), nodes: replaced(node, slot, undefined) }
    : { bits: node.bits, nodes: replaced(node, slot, child) };
}

function replaced(node: Node, slot: number, child: Node | undefined): readonly (Node | undefined)[] {
  const nodes = node.nodes.slice();
  while (nodes.length <= slot) nodes.push(undefined);
  nodes[slot] = child;
  return nodes;
}
