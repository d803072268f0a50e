/** From the results of a swarm's tasks to the swarm's own. */

import { copyOf } from '../../actors/json.ts';
import type { Json, JsonObject } from '../../machines/protocol/execution.ts';
import type { SynthesizerInput, TaskReport } from '../../machines/protocol/swarm.ts';

/** How every task of a swarm ended; a copy, to do with as one likes. */
export interface SynthesisReport {
  readonly goal: string;
  readonly input: JsonObject;
  /** By task id, in the order of the plan. */
  readonly tasks: Readonly<Record<string, TaskReport & { readonly description: string }>>;
  /** Aborted when the swarm is cancelled or times out. */
  readonly signal: AbortSignal;
}

/** Replaces the default synthesis. What it returns is the swarm's result and must be JSON; what it throws fails the swarm. */
export type Synthesize = (report: SynthesisReport) => unknown;

const NAMED_TASKS = 20;

/** The result of a swarm: what `synthesize` makes of the tasks, by default `{goal, summary, tasks}` with each task's result by its id. */
export function synthesis({ job, plan, tasks }: SynthesizerInput, signal: AbortSignal, synthesize: Synthesize = defaultSynthesis): unknown {
  const described = plan.tasks.map(({ id, description }) => [id, { ...reportOf(tasks, id), description }] as const);
  return synthesize({ goal: job.goal, input: copyOf(job.input), tasks: Object.fromEntries(described), signal });
}

function reportOf(tasks: SynthesizerInput['tasks'], id: string): TaskReport {
  const report = Object.hasOwn(tasks, id) ? tasks[id] : undefined;
  if (!report) return { status: 'cancelled', result: null, agentId: null, error: null };
  return { ...report, result: copyOf(report.result), error: report.error && { ...report.error } };
}

/** Source: Implementation Guide, "SwarmStateMachine Core Implementation" (`synthesizeResults`). */
export function defaultSynthesis({ goal, tasks }: Pick<SynthesisReport, 'goal' | 'tasks'>): {
  goal: string;
  summary: string;
  tasks: JsonObject;
} {
  const results = Object.entries(tasks).map(([id, { result }]): [string, Json] => [id, result]);
  return { goal, summary: summaryOf(tasks), tasks: Object.fromEntries(results) };
}

/** `2 of 3 tasks completed. Failed: b (TOOL_NOT_FOUND: …).` */
function summaryOf(tasks: SynthesisReport['tasks']): string {
  const all = Object.entries(tasks);
  const idsOf = (status: TaskReport['status']) =>
    all.filter(([, task]) => task.status === status).map(([id, { error }]) => (error ? `${id} (${error.code}: ${error.message})` : id));
  const completed = all.length - idsOf('failed').length - idsOf('skipped').length - idsOf('cancelled').length;
  const count =
    completed === all.length ? `${all.length === 1 ? 'The task' : `All ${all.length} tasks`}` : `${completed} of ${all.length} tasks`;
  const rest = [part('Failed', idsOf('failed')), part('Skipped', idsOf('skipped')), part('Cancelled', idsOf('cancelled'))];
  return [`${count} completed.`, ...rest.filter((text) => text !== '')].join(' ');
}

function part(title: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const more = names.length > NAMED_TASKS ? ` and ${names.length - NAMED_TASKS} more` : '';
  return `${title}: ${names.slice(0, NAMED_TASKS).join(', ')}${more}.`;
}
