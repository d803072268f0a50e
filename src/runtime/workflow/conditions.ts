/** Evaluates conditions while a run goes on. */

import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { Json, JsonObject } from '../../machines/protocol/execution.ts';
import type { Condition } from '../../machines/protocol/plan.ts';
import type { ConditionScope } from '../../machines/protocol/step.ts';
import { readPath } from '../../machines/references.ts';
import { compileCel } from './cel.ts';

/** A predicate of the runtime's configuration. It sees the run's input and the steps that its condition names. */
export type ConditionHandler = (scope: ConditionScope, signal: AbortSignal) => boolean | Promise<boolean>;

/** Rejects with CONDITION_FAILED, which names the condition and the cause. Nothing but a boolean counts as an answer. */
export async function evaluateCondition(
  condition: Condition,
  scope: ConditionScope,
  handlers: Readonly<Record<string, ConditionHandler>> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<boolean> {
  try {
    if (condition.type === 'expression') return compileCel(condition.expression).evaluate(scope);
    if (condition.type === 'step-result') return compareResult(condition, scope);
    const handler = Object.hasOwn(handlers, condition.handler) ? handlers[condition.handler] : undefined;
    if (handler === undefined) throw new Error('there is no such handler');
    const answer: unknown = await handler(scope, signal);
    if (typeof answer !== 'boolean') throw new Error(`it answered ${answer === null ? 'null' : typeof answer}, not true or false`);
    return answer;
  } catch (cause) {
    throw new SwarmchartError('CONDITION_FAILED', `The condition ${describe(condition)} failed: ${firstLine(cause)}`, { cause });
  }
}

type StepResultCondition = Extract<Condition, { readonly type: 'step-result' }>;

function compareResult({ stepId, path, operator, value: expected = null }: StepResultCondition, { steps }: ConditionScope): boolean {
  const step = Object.hasOwn(steps, stepId) ? steps[stepId] : undefined;
  if (step === undefined) throw new Error('there is no such step');
  const actual = readPath(step.result, path);
  if (operator === 'exists') return actual !== undefined && actual !== null;
  if (operator === 'eq') return actual !== undefined && isSameJson(actual, expected);
  if (operator === 'ne') return actual === undefined || !isSameJson(actual, expected);
  if (operator === 'contains') return contains(actual, expected);
  const order = compare(actual, expected);
  if (operator === 'gt') return order > 0;
  if (operator === 'gte') return order >= 0;
  return operator === 'lt' ? order < 0 : order <= 0;
}

/** Two numbers or two texts have an order; anything else is a mistake in the workflow, not `false`. */
function compare(actual: Json | undefined, expected: Json): number {
  if (typeof actual === 'number' && typeof expected === 'number') return actual - expected;
  if (typeof actual === 'string' && typeof expected === 'string') return actual === expected ? 0 : actual < expected ? -1 : 1;
  throw new Error(`${kindOf(actual)} and ${kindOf(expected)} have no order`);
}

function contains(actual: Json | undefined, expected: Json): boolean {
  if (Array.isArray(actual)) return actual.some((item: Json) => isSameJson(item, expected));
  if (typeof actual === 'string' && typeof expected === 'string') return actual.includes(expected);
  if (typeof actual === 'object' && actual !== null && typeof expected === 'string') return Object.hasOwn(actual, expected);
  throw new Error(`${kindOf(actual)} cannot contain ${kindOf(expected)}`);
}

function isSameJson(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const entries = Object.entries(a);
  if (entries.length !== Object.keys(b).length) return false;
  return entries.every(([key, value]: [string, Json]) => Object.hasOwn(b, key) && isSameJson(value, (b as JsonObject)[key] ?? null));
}

function kindOf(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`;
}

function describe(condition: Condition): string {
  if (condition.type === 'expression') return `"${condition.expression}"`;
  if (condition.type === 'custom') return `handler "${condition.handler}"`;
  return `on the result of "${condition.stepId}" (${[...condition.path, condition.operator].join(' ')})`;
}

function firstLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.split('\n', 1)[0] ?? text;
}
