/** The agents of a runtime by themselves: beneath a root of their own, on a virtual clock. */

import { expect } from 'vitest';
import type { AnyActorRef } from 'xstate';
import type { AgentFault, FaultHooks } from '../../../src/actors/faults.ts';
import { MailQueue, PostOffice } from '../../../src/actors/post-office.ts';
import type { Fact } from '../../../src/machines/protocol/facts.ts';
import { Agents } from '../../../src/runtime/agents/agents.ts';
import { NO_SECRETS } from '../../../src/runtime/secrets/secrets.ts';
import type { SupervisorEvent } from '../../../src/runtime/supervision/controls.ts';
import { RuntimeTree } from '../../../src/runtime/supervision/runtime-tree.ts';
import { settlePromises, VirtualClock } from '../../../src/testing/virtual-clock.ts';

export function startAgents(given: { readonly faults?: FaultHooks } = {}) {
  const clock = new VirtualClock();
  const counters = { stale: 0, deadLetters: 0, abandoned: 0, lateResults: 0 };
  const post = new PostOffice(new MailQueue(Number.POSITIVE_INFINITY), counters, 1_000);
  const actors = new Set<string>();
  const facts: Fact[] = [];
  const warnings: object[] = [];
  const answers: unknown[] = [];
  const note = (fields: object) => void warnings.push(fields);
  const agents = new Agents({
    clock,
    counters,
    log: { debug: () => {}, info: () => {}, warn: note, error: note },
    enqueue: (to, type, open) => post.enqueue(to, type, open),
    publish: (published) => void facts.push(...published),
    secrets: NO_SECRETS,
    ...given,
    onAnswer: (holder, message) => void answers.push({ holder, ...message }),
  });
  const supervision: SupervisorEvent[] = [];
  const tree = new RuntimeTree(
    { pool: agents.service },
    {
      clock,
      post,
      inspect: (event) => {
        if (event.type === '@xstate.actor') actors.add((event.actorRef as AnyActorRef).id);
      },
      onFact: (fact) => void supervision.push(fact),
      onEscalated: ({ cause }) => agents.fail(cause),
    },
  );
  const { pendingTimers } = tree;
  return {
    agents,
    /** What the supervisor of the pool has recorded. */
    supervision,
    clock,
    counters,
    facts,
    warnings,
    answers,
    /** Ids of all actors that ever were. */
    actors,
    pendingTimers,
    settle: settlePromises,
    typesOf: (agentId: string) =>
      facts.filter(({ payload }) => (payload as { agentId?: string }).agentId === agentId).map(({ type }) => type),
    [Symbol.asyncDispose]: async () => {
      const stopping = agents.stop();
      await clock.advanceAsync(10_000);
      await stopping;
      tree.stop();
      expect(pendingTimers()).toBe(0);
      expect(clock.pending).toBe(0);
    },
  };
}

/** Throws wherever the hook is asked and `when` holds. */
export const throwing = (when: (fault: AgentFault) => boolean): FaultHooks => ({
  agent: (fault) => {
    if (when(fault)) throw new Error(`${fault.at} fault`);
  },
});
