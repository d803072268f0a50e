/** A swarm as an author writes it: zod schemas, types, and the JSON Schema for editors. */

import { z } from 'zod';
import type { Json } from '../../machines/protocol/execution.ts';
import { EscalationShape } from '../recovery.ts';
import { STEP_SHAPES, type StepDefinition, WORKFLOW_SHAPE, type WorkflowDefinition, workflowJsonSchema } from '../workflow/schema.ts';
import { SWARM_LIMITS } from './limits.ts';

const name = z.string().min(1).max(500);
const credits = z.union([z.string().regex(/^\d{1,100}$/), z.int().min(0)], { error: 'Credits are a non-negative integer.' });
const pattern = z.string().min(1).max(SWARM_LIMITS.patternLength);

/** A task's fields, without those that hold workflows. Source: Implementation Guide, "Goal Decomposer Implementation". */
export const TASK_SHAPE = {
  id: STEP_SHAPES.tool.id,
  description: z.string().max(SWARM_LIMITS.descriptionLength).optional(),
  dependencies: z.array(name).max(SWARM_LIMITS.tasks).optional().describe('Tasks that must settle first, besides those referred to.'),
  requiredCapabilities: z.array(name).max(SWARM_LIMITS.capabilities).optional().describe('Its agent has all of these.'),
  estimatedComplexity: z.int().min(1).max(10).optional().describe('Its weight when the budget is split; 5 unless it says so.'),
  priority: STEP_SHAPES.tool.priority,
  role: name.optional(),
  onFailure: STEP_SHAPES.tool.onFailure,
  maxAgents: z
    .int()
    .min(1)
    .max(SWARM_LIMITS.maxAgents)
    .optional()
    .describe('Agents that may try it, one after another; 3 unless it says so.'),
  tool: name.optional(),
  parameters: STEP_SHAPES.tool.parameters.describe('Input of its routine; {{name}} reads the input of the swarm, ${task.result} a task.'),
} as const;

/** A playbook's fields, without its tasks. */
export const PLAYBOOK_SHAPE = {
  id: name.optional(),
  goals: z
    .union([z.array(pattern).min(1).max(SWARM_LIMITS.goalsPerPlaybook), pattern])
    .optional()
    .describe('Goals that it fits, in any case; * stands for any text. Without any it fits every goal.'),
} as const;

/** A swarm's fields, without those that hold tasks, workflows, agents and the organization. */
export const SWARM_SHAPE = {
  id: WORKFLOW_SHAPE.id,
  name: name.optional(),
  description: z.string().optional(),
  goal: z.string().min(1).max(SWARM_LIMITS.goalLength).optional().describe('The goal of a call that names none.'),
  input: WORKFLOW_SHAPE.input,
  onlyOwnAgents: z.boolean().optional().describe('True: nobody but the agents of this definition does its tasks.'),
  maxConcurrentTasks: z.int().min(1).max(SWARM_LIMITS.concurrentTasks).optional(),
  timeout: WORKFLOW_SHAPE.timeout,
  budget: z.strictObject({ credits }).optional(),
  escalation: EscalationShape.optional(),
} as const;

/** An agent's fields, as far as they are data. */
export const AGENT_SHAPE = {
  id: name,
  name: name.optional(),
  type: name.optional(),
  capabilities: z.array(name).min(1).max(SWARM_LIMITS.capabilities),
  maxConcurrentTasks: z.int().min(1).max(SWARM_LIMITS.concurrentTasks).optional(),
  description: z.string().optional(),
  persona: z.string().optional(),
  languages: z.array(name).max(SWARM_LIMITS.capabilities).optional(),
  frameworks: z.array(name).max(SWARM_LIMITS.capabilities).optional(),
  specialization: z.string().optional(),
  metadata: WORKFLOW_SHAPE.metadata,
  currentLoad: z.int().min(0).optional().describe('Passed over: the runtime counts what an agent does.'),
} as const;

/** Stands for a workflow and a step, whose schemas the workflow language has. */
const Workflow = z.unknown().meta({ id: 'WorkflowDefinition' }) as z.ZodType<WorkflowDefinition, WorkflowDefinition>;
const Step = z.unknown().meta({ id: 'StepDefinition' }) as z.ZodType<StepDefinition, StepDefinition>;
/** An inline workflow is named after its task, or whatever else holds it. */
type InlineWorkflow = Omit<WorkflowDefinition, 'id'> & { readonly id?: string };
const Inline = Workflow as unknown as z.ZodType<InlineWorkflow, InlineWorkflow>;

const Task = z
  .strictObject({ ...TASK_SHAPE, workflow: z.union([name, Inline]).optional(), steps: z.array(Step).optional() })
  .meta({ id: 'Task' });
const tasks = z.array(Task).min(1).max(SWARM_LIMITS.tasks);
const Playbook = z.strictObject({ ...PLAYBOOK_SHAPE, tasks }).meta({ id: 'Playbook' });
const NamedPlaybook = Playbook.required({ id: true });

const byRole = z.strictObject({
  id: name,
  min: z.int().min(0).optional(),
  max: z.int().min(1).optional(),
  capabilities: z.array(name).optional(),
  compatibleWith: z.array(name).optional(),
});
const Norm = z.strictObject({
  id: name.optional(),
  type: z.enum(['permission', 'obligation', 'prohibition']),
  role: name,
  mission: name.optional(),
  tools: z.array(name).optional(),
  deadlineMs: z.int().min(1).optional(),
});
const Organization = z.strictObject({
  roles: z.array(byRole).optional(),
  missions: z.array(z.strictObject({ id: name, tasks: z.array(name) })).optional(),
  norms: z.array(Norm).optional(),
});

const { id: _, ...named } = SWARM_SHAPE;
const fields = {
  ...named,
  agents: z.array(z.strictObject(AGENT_SHAPE)).max(SWARM_LIMITS.agents).optional(),
  playbooks: z.array(NamedPlaybook).max(SWARM_LIMITS.playbooks).optional(),
  playbook: z.union([Playbook, tasks]).optional(),
  tasks: tasks.optional(),
  workflows: z.union([z.array(Workflow), z.record(z.string(), Inline)]).optional(),
  routines: z
    .record(z.string(), z.union([name, Inline]))
    .optional()
    .describe('Which workflow is followed for a capability.'),
  organization: Organization.optional(),
  $schema: z.string().optional(),
} as const;

const swarmSchema = z.union([
  z.strictObject({ swarm: SWARM_SHAPE.id, ...fields }),
  z.strictObject({ id: SWARM_SHAPE.id, ...fields }),
  z.strictObject({ swarm: z.strictObject({ id: SWARM_SHAPE.id, ...fields }), $schema: z.string().optional() }),
]);

/** A task of a playbook, as an author writes it. It names a workflow, has steps, calls a tool, or leaves it to the routine of a capability. */
export type SwarmTaskDefinition = z.input<typeof Task>;
export type PlaybookDefinition = z.input<typeof Playbook>;
/** A swarm as an author writes it, named by `swarm` or `id`. */
export type SwarmDefinition = z.input<typeof swarmSchema>;

/** Types a swarm for authors in TypeScript. Checks nothing: `loadSwarm` does. */
export function defineSwarm(definition: SwarmDefinition): SwarmDefinition {
  return definition;
}

/** JSON Schema of a swarm file, for editors. It checks the shape; names, references and cycles are checked by `loadSwarm`. */
export function swarmJsonSchema(): Record<string, unknown> {
  const { $defs: ofWorkflows, ...workflowFile } = workflowJsonSchema() as { $defs: Record<string, Json>; anyOf: readonly Json[] };
  const { $defs, ...own } = z.toJSONSchema(swarmSchema, { io: 'input' });
  const definitions = {
    ...$defs,
    ...ofWorkflows,
    WorkflowDefinition: unnamed(workflowFile.anyOf[0] ?? {}, ofWorkflows),
    StepDefinition: { $ref: '#/$defs/Step' },
  };
  return { ...own, $defs: definitions, title: 'Swarmchart swarm' };
}

/** The same without its id being required. */
function unnamed(schema: Json, definitions: Readonly<Record<string, Json>>): Json {
  const { $ref, required, ...rest } = schema as { readonly [key: string]: Json };
  if (typeof $ref === 'string') return unnamed(definitions[$ref.slice($ref.lastIndexOf('/') + 1)] ?? {}, definitions);
  return Array.isArray(required) ? { ...rest, required: required.filter((key: Json) => key !== 'id') } : rest;
}
