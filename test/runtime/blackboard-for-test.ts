/** Blackboards whose facts are collected, and whose commits can be held back. */

import type { Fact } from '../../src/machines/protocol/facts.ts';
import { envelope } from '../../src/machines/protocol/facts.ts';
import { type BlackboardFact, Blackboards } from '../../src/runtime/blackboard.ts';
import { NO_SECRETS } from '../../src/runtime/secrets/secrets.ts';

export function startBlackboards({ live = new Set<string>() }: { readonly live?: ReadonlySet<string> } = {}) {
  const facts: Fact[] = [];
  const held: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  const world = { now: 1_000, isHeld: false };
  const commit = (swarmId: string, fact: BlackboardFact) => {
    const execution = { executionId: swarmId, swarmId, userId: 'u', timestamp: 0, correlationId: 'c' };
    facts.push(envelope(fact, facts.length + 1, 'blackboard', 'tier1', execution));
  };
  const boards = new Blackboards({
    clock: { now: () => world.now },
    isLive: (swarmId) => live.has(swarmId),
    secrets: NO_SECRETS,
    record: (swarmId, fact) => {
      if (!world.isHeld) return void commit(swarmId, fact);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      held.push({ resolve, reject });
      return promise.then(() => commit(swarmId, fact));
    },
  });
  return { world, boards, board: boards.of('swarm'), facts, held };
}

export const valuesOf = (entries: ReadonlyMap<string, { readonly value: unknown }>): object =>
  Object.fromEntries(Array.from(entries, ([key, { value }]) => [key, value]));
