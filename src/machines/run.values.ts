/** The values that a step gets: its references resolved against what its run knows. */

import { executionError } from './protocol/errors.ts';
import type { ExecutionError, Json, JsonObject } from './protocol/execution.ts';
import type { Condition, PlanStep, WaitFor, Work } from './protocol/plan.ts';
import type { RunJob } from './protocol/run.ts';
import type { SealedValue, SecretText } from './protocol/secrets.ts';
import type { ConditionScope, StepWork } from './protocol/step.ts';
import type { ResolvedWait } from './protocol/wait.ts';
import { type ReferenceScope, resolveReferences } from './references.ts';
import type { RunState, StepRecord } from './run.state.ts';
import { sealed, secretsBelow, secretsBeside } from './secret-texts.ts';

export type Result<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: ExecutionError };

export type Resolved = ({ readonly ok: true } & SealedValue) | { readonly ok: false; readonly error: ExecutionError };

/** What a parallel step does that has conditions: once they hold, it is entered. */
export const ALWAYS: Condition = { type: 'expression', expression: 'true', steps: [] };

/** The work of an executor. */
export function resolvedWork(work: Work, scope: ReferenceScope): Result<StepWork> {
  if (work.kind === 'condition') return { ok: true, value: work };
  if (work.kind !== 'tool' && work.kind !== 'module-operation') return { ok: true, value: { kind: 'condition', condition: ALWAYS } };
  const own = resolve(work.parameters, scope);
  if (!own.ok) return own;
  if (work.kind === 'module-operation')
    return { ok: true, value: { ...work, parameters: own.value as JsonObject, ...sealed(own.secrets) } };
  const merged: Record<string, Json> = {};
  let secrets: readonly SecretText[] = [];
  const lay = ({ value, secrets: more = [] }: SealedValue): void => {
    const members = value as JsonObject;
    secrets = [...secretsBeside(secrets, (name) => Object.hasOwn(members, name)), ...more];
    Object.assign(merged, members);
  };
  for (const reference of work.parametersFrom) {
    const source = resolve(reference, scope);
    if (!source.ok) return source;
    if (source.value !== null && typeof source.value === 'object' && !Array.isArray(source.value)) lay(source);
    else if (source.value !== null)
      return { ok: false, error: executionError('INVALID_PARAMETER_TYPE', `${reference} is not an object`, 'tier2') };
  }
  lay(own);
  const { tool, strategy, lease } = work;
  return { ok: true, value: { kind: 'tool', tool, strategy, parameters: merged, ...sealed(secrets), ...(lease && { lease }) } };
}

const MOMENT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** A moment without an offset is in UTC. */
export function resolvedWait(wait: WaitFor, step: PlanStep, scope: ReferenceScope): Result<ResolvedWait> {
  const { timeoutMs } = step;
  if (wait.type === 'timer') return { ok: true, value: wait };
  if (wait.type === 'time') {
    const text = resolve(wait.at, scope);
    if (!text.ok) return text;
    const found = typeof text.value === 'string' ? MOMENT.exec(text.value) : null;
    const at = found ? Date.parse(found[0].includes('T') && found[1] === undefined ? `${found[0]}Z` : found[0]) : Number.NaN;
    if (!Number.isNaN(at)) return { ok: true, value: { type: 'time', at } };
    const message = `Step "${step.id}" waits for a moment that is no ISO 8601 text`;
    return { ok: false, error: executionError('INVALID_PARAMETER_TYPE', message, 'tier2', { context: { stepId: step.id } }) };
  }
  if (wait.type === 'signal') return { ok: true, value: { ...wait, timeoutMs } };
  const prompt = resolve(wait.prompt ?? '', scope);
  if (!prompt.ok) return prompt;
  const text = typeof prompt.value === 'string' ? prompt.value : JSON.stringify(prompt.value);
  return { ok: true, value: { ...wait, timeoutMs, ...(text !== '' && { prompt: text }) } };
}

/** A value with every reference in it resolved, but for those of secrets. */
export function resolve(value: Json, scope: ReferenceScope): Resolved {
  const resolved = resolveReferences(value, scope);
  if (resolved.ok) return resolved;
  return { ok: false, error: executionError(resolved.error.code, resolved.error.message, 'tier2') };
}

export function referenceScope(state: RunState, job: RunJob, variables: RunState['variables']): ReferenceScope {
  return {
    input: (name) => {
      if (!variables.has(name)) return { found: false };
      return { found: true, value: variables.get(name) ?? null, ...sealed(secretsBelow(secretsIn(job, variables), [name])) };
    },
    step: (id) => {
      const record = recordOf(state, job, id);
      return record ? { found: true, status: record.status, result: record.output, error: record.error ?? null } : { found: false };
    },
  };
}

/** Of the run's input, as far as its variables still are what it was: a value that took its place is data. */
export function secretsIn({ input, secrets }: Pick<RunJob, 'input' | 'secrets'>, variables: RunState['variables']): readonly SecretText[] {
  if (!secrets) return [];
  return secretsBeside(secrets, (name) => JSON.stringify(variables.get(name)) !== JSON.stringify(input[name]));
}

export function conditionScope(state: RunState, job: RunJob, step: PlanStep, variables: RunState['variables']): ConditionScope {
  const conditions: Condition[] = [...step.when];
  if (step.work.kind === 'condition') conditions.push(step.work.condition);
  if (conditions.length === 0) return { input: {}, steps: {} };
  const names = conditions.flatMap((condition) => (condition.type === 'step-result' ? [condition.stepId] : condition.steps));
  const entries = names.map((name) => {
    const record = recordOf(state, job, name);
    return [
      name,
      { status: record?.status ?? 'pending', result: record?.output ?? null, error: record ? errorJson(record) : null },
    ] as const;
  });
  return { input: variables.toObject(), steps: Object.fromEntries(entries) };
}

function recordOf(state: RunState, job: RunJob, id: string): StepRecord | undefined {
  const ordinal = Object.hasOwn(job.plan.ordinals, id) ? job.plan.ordinals[id] : undefined;
  return ordinal === undefined ? undefined : state.records.get(ordinal);
}

const errorJson = ({ error }: StepRecord): Json =>
  error ? { code: error.code, message: error.message, errorClass: error.errorClass } : null;
