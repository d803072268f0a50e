/** Where choices come from in a simulation: a seed, or a list that a property test shrinks. */

/** Picks one of `n` possibilities, from 0 to n - 1. */
export type Pick = (n: number) => number;

/** The same seed makes the same choices (mulberry32). */
export function seeded(seed: number): Pick {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

/** Follows a list of numbers, then always picks the first possibility: short lists are simple stories. */
export function scripted(choices: readonly number[]): Pick {
  let next = 0;
  return (n) => (choices[next++] ?? 0) % n;
}

/** Passes choices on, and notes them. */
export const recorded =
  (pick: Pick, choices: number[]): Pick =>
  (n) => {
    const choice = pick(n);
    choices.push(choice);
    return choice;
  };
