import type { Json } from '../../machines/protocol/execution.ts';

/** How many values a value holds, a long text counting for several. Stops counting at the ceiling. */
export function weigh(value: Json, ceiling: number): number {
  let weight = 0;
  const open: Json[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    weight += 1 + (typeof next === 'string' ? Math.floor(next.length / 16) : 0);
    if (weight >= ceiling) return ceiling;
    if (typeof next === 'object' && next !== null) for (const item of Object.values(next)) open.push(item);
  }
  return weight;
}
