/** The workflow language as an author writes it: its types, and its JSON Schema for editors. */

import { z } from 'zod';
import { ConditionInput, maxRetries, name, STEP_SHAPES, When, WORKFLOW_SHAPE } from './shapes.ts';

export type { InputDeclaration } from '../../machines/protocol/plan.ts';
export { STEP_SHAPES, WORKFLOW_SHAPE } from './shapes.ts';

const UNTIL = 'The loop ends when this holds; it may read the steps of the loop.';
const whenField = { when: When.optional() } as const;
const retryFields = { ...whenField, retries: maxRetries.optional() } as const;
const toolSchema = z.strictObject({ ...STEP_SHAPES.tool, ...retryFields });
const agentSchema = z.strictObject({ ...STEP_SHAPES.agent, ...retryFields });
const moduleSchema = z.strictObject({ ...STEP_SHAPES['module-operation'], ...retryFields });
const waitSchema = z.strictObject({ ...STEP_SHAPES.wait, ...whenField });
const parallelFields = z.strictObject({ ...STEP_SHAPES.parallel, ...whenField });
const conditionalFields = z.strictObject({ ...STEP_SHAPES.conditional, ...retryFields, condition: ConditionInput });
const mapFields = z.strictObject({ ...STEP_SHAPES.map, ...whenField });
const loopFields = z.strictObject({ ...STEP_SHAPES.loop, ...whenField, until: ConditionInput.optional().describe(UNTIL) });
const callFields = z.strictObject({ ...STEP_SHAPES.workflow, ...whenField });

/** A step as an author writes it. */
export type StepDefinition =
  | z.input<typeof toolSchema>
  | z.input<typeof agentSchema>
  | z.input<typeof moduleSchema>
  | z.input<typeof waitSchema>
  | (z.input<typeof parallelFields> & { steps: StepDefinition[] })
  | (z.input<typeof conditionalFields> & { then: StepDefinition | StepDefinition[]; else?: StepDefinition | StepDefinition[] | undefined })
  | (z.input<typeof mapFields> & { steps: StepDefinition[] })
  | (z.input<typeof loopFields> & { steps: StepDefinition[] })
  | (z.input<typeof callFields> & { workflow: string | InlineWorkflow });

const StepSchema: z.ZodType<unknown, StepDefinition> = z
  .lazy(() =>
    z.union([toolSchema, agentSchema, moduleSchema, parallelSchema, conditionalSchema, mapSchema, loopSchema, callSchema, waitSchema]),
  )
  .meta({ id: 'Step' });
const stepList = z.array(StepSchema);
const oneOrMore = z.union([StepSchema, stepList]);
const parallelSchema = parallelFields.extend({ steps: stepList });
const mapSchema = mapFields.extend({ steps: stepList });
const loopSchema = loopFields.extend({ steps: stepList });
// biome-ignore lint/suspicious/noThenProperty: it is the language's own word, and it never holds a function
const conditionalSchema = conditionalFields.extend({ then: oneOrMore, else: oneOrMore.optional() });

const workflowFields = z.strictObject({ ...WORKFLOW_SHAPE, retries: maxRetries.optional(), $schema: z.string().optional() });
const workflowSchema = workflowFields.extend({ steps: stepList });
const unnamedSchema = workflowSchema.partial({ id: true });
const callSchema = callFields.extend({
  workflow: z.union([name, unnamedSchema]).describe('The id of another workflow of the file or the runtime, or a workflow of its own.'),
});

/** A workflow as an author writes it. */
export type WorkflowDefinition = z.input<typeof workflowFields> & { steps: StepDefinition[] };
/** The same within a step; without an id, it is known by its step's. */
export type InlineWorkflow = Omit<WorkflowDefinition, 'id'> & { id?: string | undefined };

/** JSON Schema of a workflow file, for editors. It checks the shape; names, references and cycles are checked by the loader. */
export function workflowJsonSchema(): Record<string, unknown> {
  const wrapped = z.strictObject({ workflow: workflowSchema, $schema: z.string().optional() });
  const many = z.strictObject({
    workflows: z.union([z.array(workflowSchema), z.record(z.string(), unnamedSchema)]),
    $schema: z.string().optional(),
  });
  return { ...z.toJSONSchema(z.union([workflowSchema, wrapped, many]), { io: 'input', reused: 'ref' }), title: 'Swarmchart workflow' };
}

/** Types a workflow for authors in TypeScript. Checks nothing: the loader does. */
export function defineWorkflow(definition: WorkflowDefinition): WorkflowDefinition {
  return definition;
}
