/** What follows when a step ends: fallbacks, groups, skipped siblings, and who is released. */

import { type ErrorClass, executionError } from './protocol/errors.ts';
import { type ExecutionError, type Json, NO_USAGE, type ResourceUsage } from './protocol/execution.ts';
import type { Fallback, PlanStep } from './protocol/plan.ts';
import type { SkipReason } from './protocol/run.ts';
import type { StepOutcome } from './protocol/step.ts';
import type { StepRecord } from './run.state.ts';
import type { RunTurn } from './run.turn.ts';
import { askedBy } from './votes.ts';

interface Failure {
  readonly error: ExecutionError;
  readonly attempts: number;
  readonly usage: ResourceUsage;
}

/** Books how a step's executor ended. */
export function settleStep(turn: RunTurn, step: PlanStep, outcome: StepOutcome, at: number): void {
  const { record } = turn.at(step.ordinal);
  const { attempts, usage } = outcome;
  const mark = { stepId: step.id, ordinal: step.ordinal };
  const isCondition = step.children.length > 0 && record.branch === undefined && record.fallback === undefined;
  switch (outcome.status) {
    case 'completed':
      if (isCondition && isDoomed(turn, step)) return cancelDoomed(turn, step, usage, at);
      if (isCondition) return enterBranch(turn, step, outcome, at);
      turn.record({ type: 'tier2/step/completed', at, payload: { ...mark, output: outcome.output, attempts, usage } });
      return afterSettled(turn, step, at);
    case 'skipped':
      turn.record({ type: 'tier2/step/skipped', at, payload: { ...mark, reason: 'condition', usage } });
      skipChildren(turn, step, 'condition', at);
      return afterSettled(turn, step, at);
    case 'failed':
      return failStep(turn, step, { error: outcome.error ?? unexplained(step), attempts, usage }, at);
    case 'cancelled':
      if (isEnding(turn) || isDoomed(turn, step)) {
        turn.record({ type: 'tier2/step/cancelled', at, payload: { ...mark, reason: outcome.reason ?? '', usage } });
        return afterSettled(turn, step, at);
      }
      return failStep(turn, step, { error: cancelledAlone(step, outcome.reason ?? ''), attempts, usage }, at);
  }
}

/** A step failed after its retries: its first matching fallback is used, else it fails for good. */
export function failStep(turn: RunTurn, step: PlanStep, failure: Failure, at: number): void {
  const { record } = turn.at(step.ordinal);
  const mark = { stepId: step.id, ordinal: step.ordinal };
  const isLeaving = isEnding(turn) || isDoomed(turn, step);
  const next = isLeaving ? undefined : nextFallback(turn, step, record, failure.error);
  if (!next || next.fallback.action === 'fail') {
    const fatal = step.onFailure === 'stop';
    turn.record({ type: 'tier2/step/failed', at, payload: { ...mark, ...failure, fatal } });
    // Who is on the way out has been told already, by the first failure.
    if (fatal && !isLeaving) spreadFailure(turn, step, at);
    return afterSettled(turn, step, at);
  }
  const { fallback, index, recovery } = next;
  const { action } = fallback;
  turn.record({
    type: 'tier2/step/fell_back',
    at,
    payload: { ...mark, ...failure, fallback: index, action, ...(recovery && { recovery }) },
  });
  applyFallback(turn, step, fallback, failure.error, at);
}

function applyFallback(turn: RunTurn, step: PlanStep, fallback: Fallback, error: ExecutionError, at: number): void {
  const mark = { stepId: step.id, ordinal: step.ordinal };
  if (fallback.action === 'escalate-to-human') {
    const canRetry = step.children.length === 0;
    const asked = askedBy(fallback, at);
    turn.record({ type: 'tier2/step/escalated', at, payload: { ...mark, error, ...(!canRetry && { canRetry }), ...asked } });
    turn.armExpiry(step);
  } else if (fallback.action === 'use-value') {
    turn.record({ type: 'tier2/step/completed', at, payload: { ...mark, output: fallback.value, attempts: 0, usage: NO_USAGE } });
    afterSettled(turn, step, at);
  } else if (fallback.action === 'skip') {
    turn.record({ type: 'tier2/step/skipped', at, payload: { ...mark, reason: 'fallback', usage: NO_USAGE } });
    afterSettled(turn, step, at);
  }
}

interface NextFallback {
  readonly fallback: Fallback;
  readonly index: number;
  readonly recovery?: ErrorClass;
}

/** What people have settled, or left unanswered, is not recovered from by what is meant for errors of its class. */
const SETTLED_BY_PEOPLE: ReadonlySet<string> = new Set(['REJECTED_BY_HUMAN', 'APPROVAL_EXPIRED', 'CANCELLED']);
const WORKING: ReadonlySet<PlanStep['type']> = new Set(['tool', 'agent', 'module-operation']);

/** The step's own fallbacks come first; after them, once in the step's life, that of the error's class. */
function nextFallback({ job }: RunTurn, step: PlanStep, record: StepRecord, error: ExecutionError): NextFallback | undefined {
  const from = (record.fallback ?? -1) + 1;
  const index = step.fallbacks.findIndex(({ on }, each) => each >= from && (on === 'any' || on === error.errorClass || on === error.code));
  const own = step.fallbacks[index];
  if (own) return { fallback: own, index };
  if (record.recovery !== undefined || !WORKING.has(step.type) || SETTLED_BY_PEOPLE.has(error.code)) return undefined;
  const fallback = job.recovery[error.errorClass]?.fallback;
  return fallback && { fallback, index: step.fallbacks.length, recovery: error.errorClass };
}

/** A conditional knows its branch: the other one is skipped, and an empty one settles at once. A parallel step may be entered. */
function enterBranch(turn: RunTurn, step: PlanStep, outcome: StepOutcome, at: number): void {
  const chosen: 'then' | 'else' = outcome.output === true ? 'then' : 'else';
  const branch = step.type === 'parallel' ? undefined : chosen;
  const { attempts, usage } = outcome;
  const mark = { stepId: step.id, ordinal: step.ordinal, ...(branch && { branch }) };
  turn.record({ type: 'tier2/step/branched', at, payload: { ...mark, attempts, usage } });
  for (const child of step.children) {
    if (turn.at(child).step.branch !== branch) skip(turn, turn.at(child).step, 'branch-not-taken', at);
  }
  settleGroup(turn, step, at);
}

/** Settles a group, and what encloses it, as soon as its last child has settled. */
export function settleGroup(turn: RunTurn, group: PlanStep, at: number): void {
  const { record } = turn.at(group.ordinal);
  if (record.openChildren > 0 || record.status !== 'running' || isEnding(turn)) return;
  if (isDoomed(turn, group)) {
    cancelWithSibling(turn, group, at);
    return afterSettled(turn, group, at);
  }
  const chosen = group.children.map((ordinal) => turn.at(ordinal)).filter(({ step }) => step.branch === record.branch);
  const fatal = chosen.filter((child) => child.record.fatal);
  if (fatal.length > 0) {
    const error = group.type === 'parallel' ? branchesFailed(group, fatal) : (fatal[0]?.record.error ?? unexplained(group));
    return failStep(turn, group, { error, attempts: 0, usage: NO_USAGE }, at);
  }
  const output = group.type === 'parallel' ? chosen.map(branchReport) : branchResult(chosen);
  turn.record({
    type: 'tier2/step/completed',
    at,
    payload: { stepId: group.id, ordinal: group.ordinal, output, attempts: 0, usage: NO_USAGE },
  });
  afterSettled(turn, group, at);
}

function afterSettled(turn: RunTurn, step: PlanStep, at: number): void {
  if (step.parent === undefined || isEnding(turn)) return;
  const group = turn.at(step.parent).step;
  settleGroup(turn, group, at);
}

/** What a failure means for those beside it in their group. */
function spreadFailure(turn: RunTurn, step: PlanStep, at: number): void {
  if (step.parent === undefined) return;
  const group = turn.at(step.parent).step;
  if (isFailFast(group)) abandonSiblings(turn, group, at);
  else skipDependents(turn, step, at);
}

/** Fail-fast: what has not started is skipped, what runs is cancelled. */
function abandonSiblings(turn: RunTurn, group: PlanStep, at: number): void {
  for (const ordinal of group.children) {
    const { step, record } = turn.at(ordinal);
    if (record.status === 'pending') skip(turn, step, 'sibling-failed', at);
    else if (record.childExecutionId !== undefined) turn.tell(step, { type: 'execution.cancel', at, reason: 'sibling-failed' });
    else if (record.status === 'waiting') {
      turn.disarmExpiry(step);
      cancelWithSibling(turn, step, at);
    } else if (record.status === 'running') {
      abandonSiblings(turn, step, at);
      settleGroup(turn, step, at);
    }
  }
}

/** It would go on, but its run or its group is on the way out. */
export function cancelLeaving(turn: RunTurn, step: PlanStep, usage: ResourceUsage, at: number): void {
  const reason = isEnding(turn) ? (turn.state.reason ?? 'run-failed') : 'sibling-failed';
  turn.record({ type: 'tier2/step/cancelled', at, payload: { stepId: step.id, ordinal: step.ordinal, reason, usage } });
  afterSettled(turn, step, at);
}

/** A condition that held too late: what it would have let in is skipped. */
function cancelDoomed(turn: RunTurn, step: PlanStep, usage: ResourceUsage, at: number): void {
  const payload = { stepId: step.id, ordinal: step.ordinal, reason: 'sibling-failed', usage };
  turn.record({ type: 'tier2/step/cancelled', at, payload });
  skipChildren(turn, step, 'sibling-failed', at);
  afterSettled(turn, step, at);
}

function cancelWithSibling(turn: RunTurn, step: PlanStep, at: number): void {
  const payload = { stepId: step.id, ordinal: step.ordinal, reason: 'sibling-failed', usage: NO_USAGE };
  turn.record({ type: 'tier2/step/cancelled', at, payload });
}

function skipDependents(turn: RunTurn, failed: PlanStep, at: number): void {
  const reached = [...failed.dependents];
  for (let ordinal = reached.pop(); ordinal !== undefined; ordinal = reached.pop()) {
    const { step, record } = turn.at(ordinal);
    if (record.status !== 'pending') continue;
    skip(turn, step, 'dependency-failed', at);
    reached.push(...step.dependents);
  }
}

function skip(turn: RunTurn, step: PlanStep, reason: SkipReason, at: number): void {
  turn.record({ type: 'tier2/step/skipped', at, payload: { stepId: step.id, ordinal: step.ordinal, reason, usage: NO_USAGE } });
  skipChildren(turn, step, reason, at);
}

function skipChildren(turn: RunTurn, group: PlanStep, reason: SkipReason, at: number): void {
  for (const ordinal of group.children) {
    const { step, record } = turn.at(ordinal);
    if (record.settledAt === 0) skip(turn, step, reason, at);
  }
}

const isFailFast = (group: PlanStep): boolean => group.onBranchFailure === 'fail-fast' || group.type === 'conditional';

/** A fail-fast group around the step is on its way out. */
export function isDoomed(turn: RunTurn, step: PlanStep): boolean {
  for (let parent = step.parent; parent !== undefined; parent = turn.at(parent).step.parent) {
    const group = turn.at(parent);
    if (group.record.error !== undefined && isFailFast(group.step)) return true;
  }
  return false;
}

export const isEnding = ({ state }: RunTurn): boolean => state.phase === 'cancelling' || state.phase === 'failing';

interface Child {
  readonly step: PlanStep;
  readonly record: StepRecord;
}

const branchReport = ({ step, record }: Child): Json => ({
  stepId: step.id,
  status: record.status,
  value: record.output,
  error: record.error ? { code: record.error.code, message: record.error.message } : null,
});

/** One sink: its result; several: a map by id; none: null. */
function branchResult(children: readonly Child[]): Json {
  const sinks = children.filter(({ step }) => step.dependents.length === 0);
  if (sinks.length === 1) return sinks[0]?.record.output ?? null;
  return sinks.length === 0 ? null : Object.fromEntries(sinks.map(({ step, record }) => [step.id, record.output]));
}

/** Failed branches that a group's error names; the steps have all of them. */
const NAMED_BRANCHES = 10;

function branchesFailed(group: PlanStep, failed: readonly Child[]): ExecutionError {
  const branches = failed.map(({ step, record }) => ({
    stepId: step.id,
    code: record.error?.code ?? 'EXECUTION_FAILED',
    message: record.error?.message ?? '',
  }));
  const named = branches.slice(0, NAMED_BRANCHES);
  const more = branches.length > named.length ? `; and ${branches.length - named.length} more` : '';
  const list = named.map(({ stepId, message }) => `"${stepId}": ${message}`).join('; ') + more;
  return executionError(
    'BRANCH_FAILED',
    `${branches.length} of ${group.children.length} branches of "${group.id}" failed: ${list}`,
    'tier2',
    {
      context: { stepId: group.id, branches: named },
    },
  );
}

const cancelledAlone = (step: PlanStep, reason: string): ExecutionError =>
  executionError('CANCELLED', `Step "${step.id}" was cancelled: ${reason}`, 'tier3', { context: { stepId: step.id, reason } });

const unexplained = (step: PlanStep): ExecutionError =>
  executionError('EXECUTION_FAILED', `Step "${step.id}" failed without an error`, 'tier2');
