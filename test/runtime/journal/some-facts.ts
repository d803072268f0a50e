/** Facts that say little, for tests of what keeps facts. */

import type { Fact } from '../../../src/index.ts';

export const someFact = (stream: string, seq: number, more: Partial<Fact> = {}): Fact => ({
  id: `${stream}#${seq}`,
  seq,
  stream,
  type: 'tier2/step/started',
  at: 1_000 * seq,
  executionId: stream,
  swarmId: stream,
  correlationId: stream,
  tier: 'tier2',
  payload: {},
  v: 1,
  ...more,
});

/** Facts of a stream from one number to another. */
export const someFacts = (stream: string, from: number, to: number): readonly Fact[] =>
  Array.from({ length: to - from + 1 }, (_, index) => someFact(stream, from + index));

export const ending = (stream: string, seq: number): Fact => someFact(stream, seq, { type: 'tier2/routine/completed' });

export const idsOf = (facts: readonly Fact[]): readonly string[] => facts.map(({ id }) => id);
