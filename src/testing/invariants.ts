/** What must hold of every stream of facts, whatever the order of events. Each check returns the violations that it found. */

import type { ResourceUsage } from '../machines/protocol/execution.ts';
import type { Fact } from '../machines/protocol/facts.ts';
import type { RunJob } from '../machines/protocol/run.ts';
import { isTerminal } from '../runtime/journal/journal.ts';

type Payload = { readonly [key: string]: unknown };
const payloadOf = (fact: Fact): Payload => fact.payload as Payload;

/** All of the checks below over one settled stream. Empty: everything holds. */
export function violations(facts: readonly Fact[]): string[] {
  return [...gaps(facts), ...terminals(facts), ...budgets(facts), ...lineage(facts), ...startsWhilePaused(facts), ...repeatedSteps(facts)];
}

/** Numbers count from 1 without a gap, and ids are unique. */
export function gaps(facts: readonly Fact[]): string[] {
  return facts.flatMap((fact, index) => (fact.seq === index + 1 ? [] : [`fact ${index + 1} has number ${fact.seq}`]));
}

/** I1: exactly one terminal fact for each execution, and nothing of it afterwards. */
export function terminals(facts: readonly Fact[]): string[] {
  const found: string[] = [];
  const ended = new Set<string>();
  const begun = new Set<string>();
  for (const fact of facts) {
    begun.add(fact.executionId);
    if (ended.has(fact.executionId)) found.push(`I1: ${fact.type} after the end of ${fact.executionId}`);
    if (isTerminal(fact)) ended.add(fact.executionId);
  }
  for (const executionId of begun) {
    if (!ended.has(executionId)) found.push(`I1: ${executionId} has no terminal fact`);
  }
  return found;
}

/** I3: no execution uses more than it was given, reservations never exceed the budget, and a parent's credits are its children's sum. */
export function budgets(facts: readonly Fact[]): string[] {
  const found: string[] = [];
  const [first] = facts;
  const job = first?.type === 'tier2/routine/started' ? (payloadOf(first)['job'] as RunJob) : undefined;
  let spent = 0n;
  for (const fact of facts) {
    if (fact.tier === 'tier3' && isTerminal(fact)) spent += BigInt((payloadOf(fact)['usage'] as ResourceUsage).creditsUsed);
  }
  const last = facts.at(-1);
  const total = last && (payloadOf(last)['usage'] as ResourceUsage | undefined)?.creditsUsed;
  if (!job || total === undefined) return found;
  if (BigInt(total) !== spent) found.push(`I3: the run booked ${total} credits, its steps ${spent}`);
  if (BigInt(total) > BigInt(job.allocation.maxCredits)) found.push(`I3: ${total} of ${job.allocation.maxCredits} credits used`);
  return found;
}

/** I4: one correlation id, and every parent is known. */
export function lineage(facts: readonly Fact[]): string[] {
  const [first] = facts;
  const known = new Set(first ? [first.executionId] : []);
  const found: string[] = [];
  for (const fact of facts) {
    if (fact.correlationId !== first?.correlationId) found.push(`I4: ${fact.id} has correlation id ${fact.correlationId}`);
    if (fact.executionId === fact.stream) continue;
    if (fact.parentExecutionId === undefined || !known.has(fact.parentExecutionId)) found.push(`I4: ${fact.id} has an unknown parent`);
    known.add(fact.executionId);
  }
  return found;
}

/** Nothing starts between `paused` and `resumed`. */
export function startsWhilePaused(facts: readonly Fact[]): string[] {
  const found: string[] = [];
  let isPaused = false;
  for (const fact of facts) {
    if (fact.type === 'tier2/routine/paused') isPaused = true;
    if (fact.type.startsWith('tier2/routine/') && fact.type !== 'tier2/routine/paused') isPaused = false;
    if (
      isPaused &&
      (fact.type === 'tier2/step/started' || fact.type === 'tier3/attempt/started' || fact.type === 'tier3/execution/started')
    ) {
      found.push(`${fact.type} while paused (${fact.id})`);
    }
  }
  return found;
}

/** A committed step is never started again. */
export function repeatedSteps(facts: readonly Fact[]): string[] {
  const found: string[] = [];
  const settled = new Set<unknown>();
  for (const fact of facts) {
    const ordinal = payloadOf(fact)['ordinal'];
    if (/^tier2\/step\/(completed|failed|skipped|cancelled)$/.test(fact.type)) {
      if (settled.has(ordinal)) found.push(`step ${String(payloadOf(fact)['stepId'])} settled twice (${fact.id})`);
      settled.add(ordinal);
    }
    if (fact.type === 'tier2/step/started' && settled.has(ordinal)) found.push(`${fact.id}: started after it settled`);
  }
  return found;
}
