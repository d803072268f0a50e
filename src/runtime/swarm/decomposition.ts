/** From whatever a planner answered to a plan, or to everything that is wrong with it, so that it can be asked again. */

import { describe, wrapTierError } from '../../actors/failure.ts';
import { toJson } from '../../actors/json.ts';
import { undecomposed } from '../../actors/planner.ts';
import { executionError, type Issue } from '../../machines/protocol/errors.ts';
import type { Json } from '../../machines/protocol/execution.ts';
import type { PlanProposal } from '../../machines/protocol/swarm.ts';
import { printIssue } from '../workflow/issues.ts';
import { WORKFLOW_LIMITS } from '../workflow/limits.ts';
import { isObject } from '../workflow/origins.ts';
import { showGoal } from './goal.ts';
import { SWARM_LIMITS } from './limits.ts';
import { planTasks, type TaskSurroundings } from './tasks.ts';

export interface DecompositionContext extends TaskSurroundings {
  /** For messages. */
  readonly goal: string;
  /** Where the answer comes from, when it does not say so itself. @default 'planner' */
  readonly source?: string;
}

/** Names under which an answer may hold its tasks. */
const LISTS = ['subTasks', 'subtasks', 'sub_tasks', 'tasks'] as const;
const LONGEST_SOURCE = 200;
const PRINTED_ISSUES = 20;

/**
 * Checks a decomposition: `{subTasks: […]}` or `{tasks: […]}`, a bare list, or the JSON text of either, also within a code fence or prose.
 * Besides tasks it may name its `source`. Never throws; what is wrong is a DECOMPOSITION_FAILED with every issue at its path.
 *
 * Source: Implementation Guide, "Goal Decomposer Implementation".
 */
export function decompositionToPlan(raw: unknown, context: DecompositionContext): PlanProposal {
  try {
    const answer = readAnswer(raw);
    if (!answer.ok) return refused(context.goal, [answer.issue]);
    const { data } = answer;
    const wrapper = isObject(data) ? data : {};
    const [key, second] = LISTS.filter((name) => wrapper[name] !== undefined && wrapper[name] !== null);
    if (key !== undefined && second !== undefined) {
      const message = `"${second}" says the same as "${key}": give one of them.`;
      return refused(context.goal, [{ code: 'INVALID_VALUE', path: [second], message }]);
    }
    if (!Array.isArray(data) && key === undefined) return refused(context.goal, [shapeless(data)]);
    const list = key === undefined ? data : wrapper[key];
    const source = sourceOf(wrapper['source']) ?? context.source ?? 'planner';
    const { plan, issues } = planTasks(list, key === undefined ? [] : [key], source, { ...context, isTolerant: true });
    return plan ? { ok: true, plan } : refused(context.goal, issues);
  } catch (thrown) {
    return undecomposed(context.goal, thrown);
  }
}

function refused(goal: string, issues: readonly Issue[]): PlanProposal {
  const shown = issues.slice(0, PRINTED_ISSUES).map((issue) => printIssue(issue));
  const more = issues.length > shown.length ? [`and ${issues.length - shown.length} more`] : [];
  const list =
    issues.length === 1
      ? ` ${shown[0]}`
      : ` there are ${issues.length} problems:\n${[...shown, ...more].map((line) => `  ${line}`).join('\n')}`;
  return {
    ok: false,
    error: executionError('DECOMPOSITION_FAILED', `The plan for the goal ${showGoal(goal)} makes no sense:${list}`, 'tier1'),
    issues,
  };
}

const sourceOf = (value: Json | undefined): string | undefined =>
  typeof value === 'string' && value !== '' && value.length <= LONGEST_SOURCE ? value : undefined;

const shapeless = (data: Json): Issue => ({
  code: 'INVALID_VALUE',
  path: [],
  message: `A decomposition is {"subTasks": […]}, a list of tasks with an id each; it is ${isObject(data) ? 'an object without them' : described(data)}.`,
});

type Answer = { readonly ok: true; readonly data: Json } | { readonly ok: false; readonly issue: Issue };

function readAnswer(raw: unknown): Answer {
  const value = typeof raw === 'string' ? parseText(raw) : { ok: true as const, data: raw };
  if (!value.ok) return value;
  try {
    return { ok: true, data: toJson(value.data, 'The planner', SWARM_LIMITS.bytes) };
  } catch (thrown) {
    const { code, message } = wrapTierError(thrown, 'tier1');
    const isTooBig = code === 'OUTPUT_TOO_LARGE';
    return { ok: false, issue: { code: isTooBig ? 'LIMIT_EXCEEDED' : code === 'UNSAFE_KEY' ? code : 'INVALID_VALUE', path: [], message } };
  }
}

/** The whole text, what stands in its first code fence, or what stands between its outermost brackets: the first of these that is JSON. */
function parseText(text: string): { readonly ok: true; readonly data: unknown } | { readonly ok: false; readonly issue: Issue } {
  if (text.length > WORKFLOW_LIMITS.textBytes) {
    const message = `The answer is longer than ${WORKFLOW_LIMITS.textBytes} characters.`;
    return { ok: false, issue: { code: 'LIMIT_EXCEEDED', path: [], message } };
  }
  for (const candidate of [text, fenced(text), bracketed(text)]) {
    if (candidate === undefined) continue;
    try {
      const data: unknown = JSON.parse(candidate);
      if (typeof data === 'object' && data !== null) return { ok: true, data };
    } catch {
      // The next candidate may be one.
    }
  }
  const message = `The answer is not JSON but ${described(text.slice(0, 80))}; it should be {"subTasks": […]}.`;
  return { ok: false, issue: { code: 'SYNTAX_ERROR', path: [], message } };
}

function fenced(text: string): string | undefined {
  const open = text.indexOf('```');
  const line = open === -1 ? -1 : text.indexOf('\n', open);
  const close = line === -1 ? -1 : text.indexOf('```', line);
  return close === -1 ? undefined : text.slice(line, close);
}

function bracketed(text: string): string | undefined {
  const starts = [text.indexOf('{'), text.indexOf('[')].filter((at) => at !== -1);
  const start = Math.min(...starts);
  const end = text[start] === '[' ? text.lastIndexOf(']') : text.lastIndexOf('}');
  return starts.length === 0 || end < start ? undefined : text.slice(start, end + 1);
}

const described = (value: Json): string => (typeof value === 'string' ? JSON.stringify(value) : describe(value).slice(0, 80));
