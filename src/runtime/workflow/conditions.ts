/** Evaluates conditions while a run goes on. */

import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { Json, JsonObject } from '../../machines/protocol/execution.ts';
import type { Condition } from '../../machines/protocol/plan.ts';
import type { StepView } from '../../machines/references.ts';
import { compileCel } from './cel.ts';

/** What a condition may look at. Read-only: a handler that changes it changes its own copy at best. */
export interface ConditionScope {
  readonly input: JsonObject;
  step(id: string): StepView;
}

export interface ConditionHandlerContext {
  readonly input: JsonObject;
  /** The steps that the condition names, by id, each with `status`, `result` and `error`. */
  readonly steps: JsonObject;
}

export type ConditionHandler = (context: ConditionHandlerContext) => boolean | Promise<boolean>;

/** Rejects with CONDITION_FAILED, which names the condition and the cause. Nothing but a boolean counts as an answer. */
export async function evaluateCondition(
  condition: Condition,
  scope: ConditionScope,
  handlers: Readonly<Record<string, ConditionHandler>> = {},
): Promise<boolean> {
  try {
    if (condition.type === 'expression') {
      return compileCel(condition.expression).evaluate({ input: scope.input, steps: viewsOf(condition.steps, scope) });
    }
    if (condition.type === 'step-result') return compareResult(condition, scope.step(condition.stepId));
    const handler = Object.hasOwn(handlers, condition.handler) ? handlers[condition.handler] : undefined;
    if (handler === undefined) throw new Error('there is no such handler');
    const answer: unknown = await handler({ input: scope.input, steps: viewsOf(condition.steps, scope) });
    if (typeof answer !== 'boolean') throw new Error(`it answered ${answer === null ? 'null' : typeof answer}, not true or false`);
    return answer;
  } catch (cause) {
    throw new SwarmchartError('CONDITION_FAILED', `The condition ${describe(condition)} failed: ${firstLine(cause)}`, { cause });
  }
}

function viewsOf(ids: readonly string[], scope: ConditionScope): JsonObject {
  return Object.fromEntries(ids.map((id) => [id, viewOf(scope.step(id))]));
}

function viewOf({ status, result, error }: StepView): Json {
  return {
    status: status ?? 'pending',
    result: result ?? null,
    error: error ? { ...error, cause: error.cause ?? null, context: error.context ?? null } : null,
  };
}

type StepResultCondition = Extract<Condition, { readonly type: 'step-result' }>;

function compareResult({ path, operator, value: expected = null }: StepResultCondition, step: StepView): boolean {
  if (!step.found) throw new Error('there is no such step');
  const actual = follow(step.result ?? null, path);
  if (operator === 'exists') return actual !== undefined && actual !== null;
  if (operator === 'eq') return actual !== undefined && isSameJson(actual, expected);
  if (operator === 'ne') return actual === undefined || !isSameJson(actual, expected);
  if (operator === 'contains') return contains(actual, expected);
  const order = compare(actual, expected);
  if (operator === 'gt') return order > 0;
  if (operator === 'gte') return order >= 0;
  return operator === 'lt' ? order < 0 : order <= 0;
}

function follow(root: Json, path: readonly string[]): Json | undefined {
  let value: Json | undefined = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as JsonObject)[key];
  }
  return value;
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
