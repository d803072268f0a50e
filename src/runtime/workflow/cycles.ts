/** Cycles in a graph given as successors by node, each as the nodes on it. Iterative: a chain of any length will do. */
export function findCycles(successors: readonly Iterable<number>[], limit = 100): readonly (readonly number[])[] {
  const cycles: number[][] = [];
  const onCycle = new Set<number>();
  const state = new Uint8Array(successors.length);
  for (let root = 0; root < successors.length; root += 1) {
    if (state[root] !== UNSEEN) continue;
    const trail = [{ node: root, rest: iterate(successors[root]) }];
    state[root] = ON_TRAIL;
    for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
      const next = top.rest.next();
      if (next.done === true) {
        state[top.node] = DONE;
        trail.pop();
      } else if (state[next.value] === UNSEEN) {
        state[next.value] = ON_TRAIL;
        trail.push({ node: next.value, rest: iterate(successors[next.value]) });
      } else if (state[next.value] === ON_TRAIL && !onCycle.has(next.value) && !onCycle.has(top.node)) {
        const start = trail.findLastIndex(({ node }) => node === next.value);
        const cycle = trail.slice(start).map(({ node }) => node);
        for (const node of cycle) onCycle.add(node);
        if (cycles.push(cycle) >= limit) return cycles;
      }
    }
  }
  return cycles;
}

const UNSEEN = 0;
const ON_TRAIL = 1;
const DONE = 2;

const iterate = (nodes: Iterable<number> | undefined): Iterator<number, undefined> => (nodes ?? [])[Symbol.iterator]();

const LONGEST_PRINTED = 20;

/** `a → b → c → a`; the middle of a long one is left out. */
export function printCycle(names: readonly string[]): string {
  const [first = ''] = names;
  if (names.length <= LONGEST_PRINTED) return [...names, first].join(' → ');
  const half = LONGEST_PRINTED / 2;
  return [...names.slice(0, half), `… ${names.length - LONGEST_PRINTED} more …`, ...names.slice(-half), first].join(' → ');
}
