/** Steps that are runs of their own: the job of the nested run, and what its end means for the step. */

import { resolveInput } from './inputs.ts';
import { executionError } from './protocol/errors.ts';
import type { Json, JsonObject, ResourceAllocation } from './protocol/execution.ts';
import type { Condition, Plan, PlanStep, SubRun, Work } from './protocol/plan.ts';
import type { RunJob, RunOutcome } from './protocol/run.ts';
import type { SecretText } from './protocol/secrets.ts';
import type { StepOutcome } from './protocol/step.ts';
import type { ReferenceScope } from './references.ts';
import type { RunState, StepRecord } from './run.state.ts';
import { type Result, resolve, secretsIn } from './run.values.ts';
import { sealed, secretsBelow, secretsBeside, secretsUnder } from './secret-texts.ts';

export type OwnRun = SubRun | Extract<Work, { kind: 'item' }>;

/** The most items that a map takes. */
export const MOST_ITEMS = 10_000;
/** No step of a workflow can have such an id. */
const UNTIL = ':until';
const UNTIL_TIMEOUT_MS = 30_000;

interface Around {
  readonly scope: ReferenceScope;
  readonly variables: RunState['variables'];
  readonly allocation: ResourceAllocation;
}
type SubRunJob = Pick<RunJob, 'plan' | 'input' | 'secrets' | 'allocation'>;

/** Members of a nested run's input, and the texts in them that secrets belong in. */
interface Members {
  readonly values: JsonObject;
  readonly secrets?: readonly SecretText[] | undefined;
}
const data = (values: JsonObject): Members => ({ values });

/** What the nested run follows, with which input; `nothing` for a map over an empty list. */
export function subRunJob(job: RunJob, step: PlanStep, record: StepRecord, work: OwnRun, around: Around): Result<SubRunJob | 'nothing'> {
  const { allocation } = around;
  const isItem = work.kind === 'item';
  const own = isItem
    ? { ok: true as const, value: work.parameters as Json, ...sealed(work.secrets) }
    : resolve(work.parameters, around.scope);
  if (!own.ok) return own;
  const parameters: Members = { values: own.value as JsonObject, secrets: own.secrets };
  const withInput = (plan: Plan, given: Members, over: Members) => inputOf(step, plan, job, around, given, over);
  switch (work.kind) {
    case 'workflow':
      return withInput(work.plan, NO_MEMBERS, parameters);
    case 'item':
      return job.plan.items
        ? withInput(job.plan.items, parameters, NO_MEMBERS)
        : failed(step, 'INVALID_VALUE', 'has no plan for its items');
    case 'loop': {
      const { iterations = 0, previous = null } = record.loop ?? {};
      const plan = work.until ? withUntil(work.plan, work.until) : work.plan;
      return withInput(plan, data({ iteration: iterations + 1, previous }), parameters);
    }
    case 'map': {
      const over = resolve(work.over, around.scope);
      if (!over.ok) return over;
      const items = over.value;
      if (!Array.isArray(items)) return failed(step, 'INVALID_PARAMETER_TYPE', 'maps over what is no list');
      if (items.length > MOST_ITEMS) {
        return failed(step, 'LIMIT_EXCEEDED', `maps over ${items.length} items; ${MOST_ITEMS} are the most`);
      }
      if (items.length === 0) return { ok: true, value: 'nothing' };
      const most = Math.min(step.maxConcurrency ?? allocation.maxConcurrentSteps, allocation.maxConcurrentSteps);
      const mapped = withInput(mapPlan(step, work, items, over.secrets), NO_MEMBERS, parameters);
      return mapped.ok ? { ok: true, value: { ...mapped.value, allocation: { ...allocation, maxConcurrentSteps: most } } } : mapped;
    }
  }
}

const NO_MEMBERS = data({});

/** The outer run's variables, overlaid with what is given and with the parameters; where the plan declares its inputs, only those. */
function inputOf(
  step: PlanStep,
  plan: Plan,
  job: RunJob,
  { variables, allocation }: Around,
  given: Members,
  parameters: Members,
): Result<SubRunJob> {
  const around: JsonObject = { ...variables.toObject(), ...given.values };
  const isIn = (names: JsonObject) => (name: string) => Object.hasOwn(names, name);
  const outer = secretsBeside(
    [...secretsBeside(secretsIn(job, variables), isIn(given.values)), ...(given.secrets ?? [])],
    isIn(parameters.values),
  );
  const all = [...outer, ...(parameters.secrets ?? [])];
  const { inputs } = plan;
  if (!inputs) return { ok: true, value: { plan, input: { ...around, ...parameters.values }, ...sealed(all), allocation } };
  const wanted = Object.fromEntries(Object.entries(around).filter(([name]) => Object.hasOwn(inputs, name)));
  const { input, issues } = resolveInput(inputs, { ...wanted, ...parameters.values });
  if (issues.length === 0) {
    const secrets = secretsBeside(all, (name) => !Object.hasOwn(inputs, name));
    return { ok: true, value: { plan, input, ...sealed(secrets), allocation } };
  }
  const list = issues.map(({ message }) => message).join(' ');
  const context = { stepId: step.id, issues: issues.map(({ code, path, message }) => ({ code, path: [...path], message })) };
  return { ok: false, error: executionError('INVALID_INPUT', `Step "${step.id}": ${list}`, 'tier2', { context }) };
}

const failed = (step: PlanStep, code: 'INVALID_PARAMETER_TYPE' | 'LIMIT_EXCEEDED' | 'INVALID_VALUE', what: string): Result<never> => ({
  ok: false,
  error: executionError(code, `Step "${step.id}" ${what}`, 'tier2', { context: { stepId: step.id } }),
});

const bare = (ordinal: number, id: string, type: PlanStep['type'], work: Work, timeoutMs: number): PlanStep => ({
  ordinal,
  id,
  name: id,
  type,
  work,
  dependsOn: [],
  dependents: [],
  children: [],
  priority: 0,
  rank: ordinal,
  when: [],
  timeoutMs,
  fallbacks: [],
  onFailure: 'stop',
  credits: '0',
  onBranchFailure: 'collect',
});

/** One group whose branches are the items, which share one plan. */
function mapPlan(
  step: PlanStep,
  work: Extract<SubRun, { kind: 'map' }>,
  items: readonly Json[],
  secrets: readonly SecretText[] | undefined,
): Plan {
  const { id, name, timeoutMs, onBranchFailure } = step;
  const group: PlanStep = { ...bare(0, id, 'parallel', { kind: 'group' }, timeoutMs), onBranchFailure };
  const steps = items.map((item, index): PlanStep => {
    const parameters = { [work.as]: item, index };
    const own = sealed(secretsUnder(secretsBelow(secrets, [String(index)]), work.as));
    return { ...bare(index + 1, `${id}:${index}`, 'workflow', { kind: 'item', parameters, ...own }, timeoutMs), parent: 0 };
  });
  const all = [{ ...group, children: steps.map(({ ordinal }) => ordinal) }, ...steps];
  return {
    id: work.plan.id,
    name,
    version: work.plan.version,
    steps: all,
    byRank: all.map(({ ordinal }) => ordinal),
    ordinals: Object.fromEntries(all.map((each) => [each.id, each.ordinal])),
    sinks: [0],
    metadata: {},
    items: work.plan,
  };
}

/** The body, and after all of its steps the question whether that was the last iteration. */
function withUntil(plan: Plan, until: Condition): Plan {
  const ordinal = plan.steps.length;
  const isTop = ({ parent }: PlanStep): boolean => parent === undefined;
  const question: PlanStep = {
    ...bare(ordinal, UNTIL, 'conditional', { kind: 'condition', condition: until }, UNTIL_TIMEOUT_MS),
    dependsOn: plan.steps.filter(isTop).map((step) => step.ordinal),
  };
  return {
    ...plan,
    steps: [...plan.steps.map((step) => (isTop(step) ? { ...step, dependents: [...step.dependents, ordinal] } : step)), question],
    byRank: [...plan.byRank, ordinal],
    ordinals: { ...plan.ordinals, [UNTIL]: ordinal },
    sinks: [...plan.sinks, ordinal],
  };
}

/** Whether the loop is over after an iteration with this outcome, and the iteration's own result. */
export function iterationOf({ plan, until, maxIterations }: Extract<SubRun, { kind: 'loop' }>, count: number, outcome: Json) {
  if (!until) return { ending: count >= maxIterations ? ('over' as const) : undefined, result: outcome };
  const { [UNTIL]: verdict, ...results } = asObject(outcome);
  const [only] = plan.sinks;
  const isOver = plan.sinks.length === 0 ? outcome === true : verdict === true;
  const single = plan.sinks.length === 1 && only !== undefined ? (results[plan.steps[only]?.id ?? ''] ?? null) : undefined;
  const result: Json = plan.sinks.length === 0 ? null : single === undefined ? results : single;
  return { ending: isOver ? ('over' as const) : count >= maxIterations ? ('exhausted' as const) : undefined, result };
}

/** How a nested run ended, as the end of a step. A map's result is its items' results, in their order. */
export function stepOutcome(work: Work, outcome: RunOutcome | StepOutcome): StepOutcome {
  if (!('result' in outcome)) return outcome;
  const { status, result, error, reason, usage } = outcome;
  const output = work.kind === 'map' && Array.isArray(result) ? result.map((item: Json) => asObject(item)['value'] ?? null) : result;
  return { status, output, attempts: 1, usage, ...(error && { error }), ...(reason !== undefined && { reason }) };
}

const asObject = (value: Json): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
