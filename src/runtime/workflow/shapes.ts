/** The canonical workflow language as zod shapes: what each object may hold, without the steps and conditions within it. */

import { z } from 'zod';
import { ERROR_CLASSES, type ErrorClass, type ErrorCode } from '../../machines/protocol/errors.ts';
import { type Json, PRIORITIES, type PriorityName } from '../../machines/protocol/execution.ts';
import type { InputDeclaration as Declaration } from '../../machines/protocol/plan.ts';
import { MAX_TIMEOUT_MS, UNSAFE_KEYS, WORKFLOW_LIMITS } from './limits.ts';

/** Any JSON: the reader of the source has made sure that it is. */
const anyJson = z.unknown() as z.ZodType<Json, Json>;
const jsonObject = z.record(z.string(), anyJson);
export const name = z.string().min(1).max(500);
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

export const Backoff = z.strictObject({
  strategy: z.enum(['fixed', 'linear', 'exponential']).optional(),
  baseMs: z.number().min(0).max(MAX_TIMEOUT_MS).optional(),
  factor: z.number().min(1).max(1000).optional(),
  maxMs: z.number().min(0).max(MAX_TIMEOUT_MS).optional(),
  jitter: z.number().min(0).max(1).optional(),
});

export const maxRetries = z.int().min(0).max(1_000);
const Retry = z.union([
  z.strictObject({ maxRetries, backoff: z.union([Backoff, z.enum(['fixed', 'linear', 'exponential'])]).optional() }),
  maxRetries,
]);

export const timeout = z.int().min(1).max(MAX_TIMEOUT_MS).describe('Milliseconds.');
export const quorum = z.int().min(1).max(100).describe('So many different people must give the same answer; one "reject" is enough.');

export const Fallback = z.discriminatedUnion('action', [
  z.strictObject({
    on,
    action: z.literal('escalate-to-human'),
    role: name.optional().describe('Who decides says that he has this role.'),
    quorum: quorum.optional(),
    timeout: timeout.optional().describe('Milliseconds; what nobody has decided by then fails with APPROVAL_EXPIRED.'),
  }),
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
export const ConditionInput = z.union([z.string().describe('A CEL expression over input and steps.'), ConditionObject]);
export const When = z.union([ConditionInput, z.array(ConditionInput)]).describe('The step is skipped unless all of these hold.');

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

const onBranchFailure = z.enum(['collect', 'fail-fast']).optional();
const maxConcurrency = z.int().min(1).max(100_000).optional();
const capability = z.string().min(1).max(200);

export const COMPENSATION_SHAPE = {
  tool: name,
  parameters: jsonObject.optional(),
  timeout: timeout.optional(),
  retry: Retry.optional(),
} as const;
const Compensation = z
  .strictObject({ ...COMPENSATION_SHAPE, retries: maxRetries.optional() })
  .describe('Undoes the completed step when its run fails or is cancelled. Reads variables and results as they are then.');

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

const toolCall = {
  ...shared,
  tool: name,
  strategy: name.optional().describe('deterministic, reasoning, conversational, or one that the runtime was given.'),
  parameters: jsonObject.optional(),
  parametersFrom: z.array(z.string()).max(100).optional().describe('References to objects merged, in order, beneath the parameters.'),
  compensate: Compensation.optional(),
} as const;

/** Of a step that is a run of its own. */
const subRun = {
  ...common,
  timeout: timeout.optional().describe('Milliseconds for all of it; without one, its steps bound it.'),
  parameters: jsonObject.optional().describe('What the inner steps can read besides the variables of the run.'),
  compensate: Compensation.optional(),
} as const;

/** The name under which the body of a map reads its item; as much of a name as a reference can read. */
const itemName = z
  .string()
  .max(200)
  .regex(/^[^.[\]{}"'\s]+$/, { error: 'A name that can be read as {{name}} has no dots, brackets, braces, quotes or spaces' })
  .refine((text) => text !== 'index' && !UNSAFE_KEYS.has(text), { error: 'This name is taken' });

/** The fields of each step type, without those that hold steps or conditions. */
export const STEP_SHAPES = {
  tool: { ...toolCall, type: z.literal('tool').optional() },
  agent: {
    ...toolCall,
    type: z.literal('agent'),
    capabilities: z
      .array(capability)
      .min(1)
      .max(100)
      .optional()
      .describe('The tool is called under a lease on an agent with all of these.'),
    agent: name.optional().describe('The tool is called under a lease on this very agent.'),
  },
  'module-operation': {
    ...shared,
    compensate: Compensation.optional(),
    type: z.literal('module-operation'),
    module: name,
    operation: name,
    parameters: jsonObject.optional(),
  },
  parallel: {
    ...common,
    type: z.literal('parallel'),
    onBranchFailure,
    maxConcurrency,
  },
  conditional: { ...shared, type: z.literal('conditional') },
  map: {
    ...subRun,
    type: z.literal('map'),
    over: z
      .union([z.string().min(1).max(10_000), z.array(anyJson)], {
        error: '"over" is a list, or a reference to one',
      })
      .describe('The list: its items, or a reference such as ${find.result.files}.'),
    as: itemName.optional().describe('The name under which the steps read the item. By default it is {{item}}.'),
    onBranchFailure,
    maxConcurrency,
  },
  loop: { ...subRun, type: z.literal('loop'), maxIterations: z.int().min(1).max(WORKFLOW_LIMITS.iterations) },
  workflow: { ...subRun, type: z.literal('workflow') },
  wait: {
    ...common,
    type: z.literal('wait'),
    timeout: timeout.optional().describe('Milliseconds; of a wait for a signal or an approval.'),
    duration: z.int().min(0).max(MAX_TIMEOUT_MS).optional().describe('Milliseconds.'),
    until: z.string().min(1).max(10_000).optional().describe('A moment such as 2026-11-21T09:30:00Z, or a reference to one.'),
    signal: z
      .string()
      .max(200)
      .regex(/^[^{}\s](?:[^{}]*[^{}\s])?$/, { error: 'The name of a signal has no braces and no space at its ends' })
      .optional(),
    approval: z
      .union(
        [
          z.literal(true),
          z.strictObject({ prompt: z.string().min(1).max(10_000).optional(), role: name.optional(), quorum: quorum.optional() }),
        ],
        { error: '"approval" is true, or an object with a prompt, a role or a quorum' },
      )
      .optional()
      .describe("A person's decision."),
  },
} as const;

export type StepType = keyof typeof STEP_SHAPES;

export const declarationSchema = z.strictObject({
  type: z.enum(['string', 'number', 'boolean', 'object', 'array']),
  default: anyJson.optional(),
  required: z.boolean().optional().describe('True unless there is a default; without a value, an input that is not required is null.'),
  description: z.string().optional(),
});
export const Inputs: z.ZodType<Readonly<Record<string, Declaration>>, Record<string, z.input<typeof declarationSchema>>> = z.record(
  z.string(),
  declarationSchema,
);

/** A workflow's fields, without its steps. */
export const WORKFLOW_SHAPE = {
  id: z.string().min(1).max(200),
  name: name.optional(),
  version: z.string().min(1).max(100).optional(),
  description: z.string().optional(),
  input: Inputs.optional(),
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
    'until',
    'workflow',
    'prompt',
    'role',
    'quorum',
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
