/** Facts of blackboards whose swarm has no stream to hold them: published in a stream of their own, and not kept. */

import type { Fact } from '../machines/protocol/facts.ts';
import type { BlackboardServices } from './blackboard.ts';
import { publishedStream } from './journal/published-stream.ts';

export function publishedWrites(publish: (facts: readonly Fact[]) => void): BlackboardServices['record'] {
  const stream = publishedStream('blackboard', publish);
  return (swarmId, fact) => {
    const execution = { executionId: swarmId, swarmId, userId: 'anonymous', timestamp: fact.at, correlationId: swarmId };
    stream.record({ execution, tier: 'tier1', facts: [fact] });
    return stream.committed();
  };
}
