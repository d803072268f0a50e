/** How a simulation says which seeds it told. */

/** `run: seeds 1 to 1500, every invariant held` */
export const toldSeeds = (name: string, from: number, runs: number, broken = 0): string =>
  `${name}: seeds ${from} to ${from + runs - 1}, ${broken === 0 ? 'every invariant held' : `${broken} broken`}`;
