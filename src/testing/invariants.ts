/** What must hold of every stream of facts, whatever the order of events. Each check returns the violations that it found. */

import type { Fact } from '../machines/protocol/facts.ts';
import type { ReusedStep, RunJob } from '../machines/protocol/run.ts';
import { isTerminal } from '../runtime/journal/journal.ts';
import { budgets, reservations } from './budget-invariants.ts';

type Payload = { readonly [key: string]: unknown };
const payloadOf = (fact: Fact): Payload => fact.payload as Payload;

/** All of the checks below over one settled stream. Empty: everything holds. */
export function violations(facts: readonly Fact[]): string[] {
  return [
    ...gaps(facts),
    ...backwards(facts),
    ...terminals(facts),
    ...budgets(facts),
    ...reservations(facts),
    ...lineage(facts),
    ...startsWhilePaused(facts),
    ...repeatedSteps(facts),
    ...reuses(facts),
    ...leases(facts),
  ];
}

/** Numbers count from 1 without a gap, and ids are unique. */
export function gaps(facts: readonly Fact[]): string[] {
  return facts.flatMap((fact, index) => (fact.seq === index + 1 ? [] : [`fact ${index + 1} has number ${fact.seq}`]));
}

/** Of each execution, no fact happened before the one that it recorded earlier. */
export function backwards(facts: readonly Fact[]): string[] {
  const latest = new Map<string, number>();
  return facts.flatMap(({ executionId, at, id, type }) => {
    // What the runtime says of an execution, and a blackboard's writes, are no part of its chart, whose timers are due when they were set for.
    if (type === 'tier1/blackboard/written' || type.startsWith('execution/')) return [];
    const before = latest.get(executionId) ?? 0;
    latest.set(executionId, Math.max(at, before));
    return at < before ? [`${id} happened ${before - at} ms before the fact that precedes it`] : [];
  });
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

const STARTS = new Set([
  'tier1/lease/requested',
  'tier1/task/started',
  'tier2/routine/started',
  'tier2/step/started',
  'tier3/execution/started',
  'tier3/attempt/started',
  'tier3/wait/started',
]);
const PAUSED = /^tier(1\/swarm|2\/routine)\/paused$/;
const ROOT_FACT = /^tier(1\/swarm|2\/routine)\//;

/**
 * Nothing starts in a swarm or a run, or anywhere beneath it, between its `paused` and what comes after that: except what undoes the
 * steps of a run that ends, for a pause holds up no end.
 */
export function startsWhilePaused(facts: readonly Fact[]): string[] {
  const found: string[] = [];
  const parents = new Map<string, string | undefined>();
  const paused = new Set<string>();
  const compensating = new Set<string>();
  for (const fact of facts) {
    const { executionId, parentExecutionId, type } = fact;
    parents.set(executionId, parentExecutionId);
    if (STARTS.has(type)) {
      for (let id: string | undefined = executionId; id !== undefined && !compensating.has(id); id = parents.get(id)) {
        if (paused.has(id)) found.push(`${type} of ${executionId} while ${id} is paused (${fact.id})`);
      }
    }
    if (type === 'tier2/routine/compensating') compensating.add(executionId);
    if (PAUSED.test(type)) paused.add(executionId);
    else if (ROOT_FACT.test(type)) paused.delete(executionId);
  }
  return found;
}

const SETTLED = /^tier(1\/task|2\/step)\/(completed|failed|skipped|cancelled)$/;
const isSettling = ({ type, payload }: Fact): boolean =>
  SETTLED.test(type) || (type === 'tier2/step/reused' && (payload as Payload)['status'] !== 'entered');

/** A step or a task that has settled is never started again. */
export function repeatedSteps(facts: readonly Fact[]): string[] {
  const found: string[] = [];
  const settled = new Map<string, boolean>();
  for (const fact of facts) {
    const { stepId, taskId } = payloadOf(fact);
    if (fact.type === 'tier1/swarm/decomposed') forgetUnfinished(settled, fact.executionId);
    const key = `${fact.executionId} ${String(stepId ?? taskId)}`;
    const name = `"${String(stepId ?? taskId)}" of ${fact.executionId}`;
    if (isSettling(fact)) {
      if (settled.has(key)) found.push(`${name} settled twice (${fact.id})`);
      settled.set(key, fact.type === 'tier1/task/completed');
    }
    const isStart = fact.type === 'tier2/step/started' || fact.type === 'tier1/task/started';
    if (isStart && settled.has(key)) found.push(`${name} started after it settled (${fact.id})`);
  }
  return found;
}

/** What is taken over of another run is recorded with the start of the one that takes it over, before anything else is, and from a run that it names. */
export function reuses(facts: readonly Fact[]): string[] {
  const found: string[] = [];
  /** By run that has done nothing yet: the one that it is a rerun of. */
  const fresh = new Map<string, unknown>();
  for (const { type, executionId, payload, id } of facts) {
    const { job, stepId, from } = payload as { readonly job?: RunJob } & Partial<ReusedStep>;
    if (type === 'tier2/routine/started') fresh.set(executionId, job?.rerunOf?.executionId);
    else if (type !== 'tier2/step/reused') fresh.delete(executionId);
    else if (from?.executionId === undefined || fresh.get(executionId) !== from.executionId)
      found.push(`"${String(stepId)}" of ${executionId} takes over what no run left to it (${id})`);
  }
  return found;
}

/** Another plan may have a task of the same name as one that was not completed. */
function forgetUnfinished(settled: Map<string, boolean>, executionId: string): void {
  for (const [key, isDone] of settled) if (!isDone && key.startsWith(`${executionId} `)) settled.delete(key);
}

/** A task is worked at only under the one lease that it holds. */
export function leases(facts: readonly Fact[]): string[] {
  const found: string[] = [];
  const held = new Map<unknown, 'requested' | 'granted'>();
  for (const { type, payload, id } of facts) {
    const { taskId } = payload as Payload;
    const state = held.get(taskId);
    if (type === 'tier1/lease/requested' && state) found.push(`task ${String(taskId)} asks for a second lease (${id})`);
    if (type === 'tier1/lease/granted' && state !== 'requested') found.push(`task ${String(taskId)} got a lease unasked (${id})`);
    if (type === 'tier1/task/started' && state !== 'granted') found.push(`task ${String(taskId)} started without a lease (${id})`);
    if (type === 'tier1/lease/requested') held.set(taskId, 'requested');
    if (type === 'tier1/lease/granted') held.set(taskId, 'granted');
    if (/^tier1\/(lease\/(lost|refused|withdrawn)|task\/(reassigned|given_up|escalated|completed|failed|cancelled))$/.test(type))
      held.delete(taskId);
  }
  return found;
}
