/** From what a caller asks for to a job that a chart can do; a request that makes no sense becomes a job that fails. */

import { isSwarmchartError, wrapTierError } from '../actors/failure.ts';
import { toJson } from '../actors/json.ts';
import type { AnyTool } from '../actors/tool.ts';
import { executionError, type Issue, SwarmchartError } from '../machines/protocol/errors.ts';
import type { JsonObject } from '../machines/protocol/execution.ts';
import type { Plan } from '../machines/protocol/plan.ts';
import type { RunJob } from '../machines/protocol/run.ts';
import type { StepJob } from '../machines/protocol/step.ts';
import { lessCredits } from '../machines/usage.ts';
import type { CheckedStepRequest } from './execution/requests.ts';
import { resolveInput } from './workflow/input.ts';
import { issuesToError } from './workflow/issues.ts';
import type { LoadedWorkflow } from './workflow/load.ts';

/** The run's plan and input, or the refusal that holds every problem of both. */
export function prepareRun(
  load: (inputNames: readonly string[]) => LoadedWorkflow,
  given: JsonObject,
  maxCredits: string,
  name: string,
): Pick<RunJob, 'plan' | 'input' | 'refusal'> {
  try {
    const input = toJson(given, 'The caller', Number.MAX_SAFE_INTEGER) as JsonObject;
    const loaded = load(Object.keys(input));
    const resolved = resolveInput(loaded.inputs, input);
    const issues = [...resolved.issues, ...unaffordable(loaded.plan, maxCredits)];
    if (issues.length > 0) throw issuesToError(issues);
    return { plan: loaded.plan, input: resolved.input };
  } catch (thrown) {
    const refused = refusalFrom(thrown);
    const context = { issues: refused.issues.map((issue) => ({ code: issue.code, path: [...issue.path], message: issue.message })) };
    return { plan: emptyPlan(name), input: {}, refusal: executionError(refused.code, refused.message, 'tier2', { context }) };
  }
}

export function stepJob(
  { input, execution, allocation, retry }: CheckedStepRequest,
  tool: AnyTool | undefined,
  recovery: StepJob['recovery'],
): StepJob {
  const policy = retry ?? tool?.retry;
  return {
    stepId: input.stepId,
    work: { kind: 'tool', tool: input.toolName, strategy: input.strategy ?? 'deterministic', parameters: input.parameters ?? {} },
    when: [],
    scope: { input: {}, steps: {} },
    timeoutMs: Math.min(tool?.timeoutMs ?? 30_000, allocation.maxDurationMs),
    ...(policy && { retry: policy }),
    recovery,
    credits: tool?.credits ?? '0',
    allocation,
    idempotencyKey: `${execution.executionId}/${input.stepId}/1`,
  };
}

/** Reading what a caller gives may throw anything: it may be a proxy. */
const refusalFrom = (thrown: unknown): SwarmchartError =>
  isSwarmchartError(thrown) ? thrown : new SwarmchartError('WORKFLOW_INVALID', wrapTierError(thrown, 'tier2').message, { cause: thrown });

function emptyPlan(name: string): Plan {
  return { id: name, name, version: '0', steps: [], byRank: [], ordinals: {}, sinks: [], metadata: {} };
}

/** Steps that could never start, whatever the others use. */
const unaffordable = ({ steps }: Plan, maxCredits: string): Issue[] =>
  steps
    .filter(({ credits }) => lessCredits(maxCredits, credits))
    .map(({ id, credits }) => ({
      code: 'RESOURCE_EXHAUSTED',
      path: ['steps', id, 'credits'],
      message: `Step "${id}" costs ${credits} credits, and the run may use ${maxCredits}`,
    }));
