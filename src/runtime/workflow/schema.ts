/** The canonical workflow language as zod schemas, and its JSON Schema for editors. */

import { z } from 'zod';
import { ERROR_CLASSES, type ErrorClass, type ErrorCode } from '../../machines/protocol/errors.ts';
import { type Json, PRIORITIES, type PriorityName } from '../../machines/protocol/execution.ts';
import { MAX_TIMEOUT_MS, WORKFLOW_LIMITS } from './limits.ts';

/** Any JSON: the reader of the source has made sure that it is. */
const anyJson = z.unknown() as z.ZodType<Json, Json>;
const jsonObject = z.record(z.string(), anyJson);
const name = z.string().min(1).max(500);
const steps = z.array(name).max(WORKFLOW_LIMITS.steps);

/** Letters and digits of any script, `_`, `-` and `:`. Written without `\p`, since editors may compile it without the flag that needs. */
const ID_PATTERN =
  /^[\w\u00c0-\u167f\u1681-\u1fff\u2c00-\u2fef\u3005-\ud7ff\uf900-\ufdff\ufe70-\ufefc][\w:\u00c0-\u167f\u1681-\u1fff\u2c00-\u2fef\u3005-\ud7ff\uf900-\ufdff\ufe70-\ufefc-]*$/;
const id = z
  .string()
  .max(200)
  .regex(ID_PATTERN, { error: 'An id is made of letters, digits, "_", "-" and ":", and starts with none of the last two' });

const triggers = ['any', ...new Set(Object.values(ERROR_CLASSES)), ...(Object.keys(ERROR_CLASSES) as ErrorCode[])] as [
  'any',
  ...(ErrorClass | ErrorCode)[],
];
const on = z.enum(triggers).default('any').describe('An error class, an error code, or any error.');

const Backoff = z.strictObject({
  strategy: z.enum(['fixed', 'linear', 'exponential']).optional(),
  baseMs: z.number().min(0).max(MAX_TIMEOUT_MS).optional(),
  factor: z.number().min(1).max(1000).optional(),
  maxMs: z.number().min(0).max(MAX_TIMEOUT_MS).optional(),
  jitter: z.number().min(0).max(1).optional(),
});

const maxRetries = z.int().min(0).max(1_000);
const Retry = z.union([
  z.strictObject({ maxRetries, backoff: z.union([Backoff, z.enum(['fixed', 'linear', 'exponential'])]).optional() }),
  maxRetries,
]);

const Fallback = z.discriminatedUnion('action', [
  z.strictObject({ on, action: z.literal('escalate-to-human') }),
  z.strictObject({ on, action: z.literal('use-value'), value: anyJson }),
  z.strictObject({ on, action: z.literal('use-tool'), tool: name, parameters: jsonObject.optional() }),
  z.strictObject({ on, action: z.literal('skip') }),
  z.strictObject({ on, action: z.literal('fail') }),
]);

export const CONDITION_SHAPES = {
  expression: { type: z.literal('expression'), expression: z.string().min(1) },
  'step-result': {
    type: z.literal('step-result'),
    stepId: name,
    path: z.union([z.array(z.union([z.string(), z.int()])), z.string()]).optional(),
    operator: z.enum(['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'exists', 'contains']),
    value: anyJson.optional(),
  },
  custom: { type: z.literal('custom'), handler: name, steps: steps.optional().describe('The steps that the handler reads.') },
} as const;

const ConditionObject = z.discriminatedUnion('type', [
  z.strictObject(CONDITION_SHAPES.expression),
  z.strictObject(CONDITION_SHAPES['step-result']),
  z.strictObject(CONDITION_SHAPES.custom),
]);
const ConditionInput = z.union([z.string().describe('A CEL expression over input and steps.'), ConditionObject]);
const When = z.union([ConditionInput, z.array(ConditionInput)]).describe('The step is skipped unless all of these hold.');

const timeout = z.int().min(1).max(MAX_TIMEOUT_MS).describe('Milliseconds.');
const fallbacks = z.array(Fallback).max(100);
const onFailure = z.enum(['stop', 'continue']);

const common = {
  id,
  name: name.optional(),
  description: z.string().optional(),
  dependencies: steps.optional().describe('Steps that must settle first, besides those that are referred to.'),
  priority: z.union([z.enum(Object.keys(PRIORITIES) as [PriorityName, ...PriorityName[]]), z.int()]).optional(),
  onFailure: onFailure.optional(),
  fallbacks: fallbacks.optional(),
} as const;

/** Of a step with work of its own; a parallel step has none, its branches do. */
const shared = {
  ...common,
  timeout: timeout.optional(),
  retry: Retry.optional(),
  credits: z
    .union([z.string().regex(/^\d{1,100}$/), z.int().min(0)], { error: 'Credits are a non-negative integer.' })
    .optional()
    .describe('Cost of one attempt.'),
} as const;

/** The fields of each step type, without those that hold steps or conditions. */
export const STEP_SHAPES = {
  tool: {
    ...shared,
    type: z.literal('tool').optional(),
    tool: name,
    strategy: name.optional().describe('deterministic, reasoning, conversational, or one that the runtime was given.'),
    parameters: jsonObject.optional(),
    parametersFrom: z.array(z.string()).max(100).optional().describe('References to objects merged, in order, beneath the parameters.'),
  },
  'module-operation': {
    ...shared,
    type: z.literal('module-operation'),
    module: name,
    operation: name,
    parameters: jsonObject.optional(),
  },
  parallel: {
    ...common,
    type: z.literal('parallel'),
    onBranchFailure: z.enum(['collect', 'fail-fast']).optional(),
    maxConcurrency: z.int().min(1).max(100_000).optional(),
  },
  conditional: { ...shared, type: z.literal('conditional') },
} as const;

export type StepType = keyof typeof STEP_SHAPES;

const InputDeclaration = z.strictObject({
  type: z.enum(['string', 'number', 'boolean', 'object', 'array']),
  default: anyJson.optional(),
  required: z.boolean().optional().describe('True unless there is a default; without a value, an input that is not required is null.'),
  description: z.string().optional(),
});
export type InputDeclaration = z.output<typeof InputDeclaration>;

/** A workflow's fields, without its steps. */
export const WORKFLOW_SHAPE = {
  id: z.string().min(1).max(200),
  name: name.optional(),
  version: z.string().min(1).max(100).optional(),
  description: z.string().optional(),
  input: z.record(z.string(), InputDeclaration).optional(),
  timeout: timeout.optional().describe('Milliseconds, for steps that name none and whose tool names none.'),
  retry: Retry.optional(),
  fallbacks: fallbacks.optional(),
  dependencies: z.array(z.strictObject({ step: name, dependsOn: z.union([steps, name]) })).optional(),
  parallelBranches: anyJson.optional(),
  triggers: anyJson.optional(),
  metadata: jsonObject.optional(),
} as const;

/** Every key of the language, whatever it belongs to. */
export const CANONICAL_KEYS: ReadonlySet<string> = new Set([
  ...[WORKFLOW_SHAPE, ...Object.values(STEP_SHAPES), ...Object.values(CONDITION_SHAPES), Backoff.shape].flatMap((shape) =>
    Object.keys(shape),
  ),
  ...[
    'when',
    'condition',
    'steps',
    'then',
    'else',
    'retries',
    'maxRetries',
    'backoff',
    'dependsOn',
    'step',
    'on',
    'action',
    'value',
    'required',
    'default',
  ],
]);

const whenField = { when: When.optional(), retries: maxRetries.optional() } as const;
const toolSchema = z.strictObject({ ...STEP_SHAPES.tool, ...whenField });
const moduleSchema = z.strictObject({ ...STEP_SHAPES['module-operation'], ...whenField });
const parallelFields = z.strictObject({ ...STEP_SHAPES.parallel, ...whenField });
const conditionalFields = z.strictObject({ ...STEP_SHAPES.conditional, ...whenField, condition: ConditionInput });

/** A step as an author writes it. */
export type StepDefinition =
  | z.input<typeof toolSchema>
  | z.input<typeof moduleSchema>
  | (z.input<typeof parallelFields> & { steps: StepDefinition[] })
  | (z.input<typeof conditionalFields> & { then: StepDefinition | StepDefinition[]; else?: StepDefinition | StepDefinition[] | undefined });

const StepSchema: z.ZodType<unknown, StepDefinition> = z
  .lazy(() => z.union([toolSchema, moduleSchema, parallelSchema, conditionalSchema]))
  .meta({ id: 'Step' });
const stepList = z.array(StepSchema);
const oneOrMore = z.union([StepSchema, stepList]);
const parallelSchema = parallelFields.extend({ steps: stepList });
// biome-ignore lint/suspicious/noThenProperty: it is the language's own word, and it never holds a function
const conditionalSchema = conditionalFields.extend({ then: oneOrMore, else: oneOrMore.optional() });

const workflowFields = z.strictObject({ ...WORKFLOW_SHAPE, retries: maxRetries.optional(), $schema: z.string().optional() });
const workflowSchema = workflowFields.extend({ steps: stepList });

/** A workflow as an author writes it. */
export type WorkflowDefinition = z.input<typeof workflowFields> & { steps: StepDefinition[] };

/** JSON Schema of a workflow file, for editors. It checks the shape; names, references and cycles are checked by the loader. */
export function workflowJsonSchema(): Record<string, unknown> {
  const wrapped = z.strictObject({ workflow: workflowSchema, $schema: z.string().optional() });
  const unnamed = workflowSchema.partial({ id: true });
  const many = z.strictObject({
    workflows: z.union([z.array(workflowSchema), z.record(z.string(), unnamed)]),
    $schema: z.string().optional(),
  });
  return { ...z.toJSONSchema(z.union([workflowSchema, wrapped, many]), { io: 'input', reused: 'ref' }), title: 'Swarmchart workflow' };
}

/** Types a workflow for authors in TypeScript. Checks nothing: the loader does. */
export function defineWorkflow(definition: WorkflowDefinition): WorkflowDefinition {
  return definition;
}
