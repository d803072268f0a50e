/** From a file's text, or an object, to plans: reading, importing, checking, compiling. Nothing here runs anything. */

import { type Issue, SwarmchartError } from '../../machines/protocol/errors.ts';
import type { Json } from '../../machines/protocol/execution.ts';
import { loadDrafts, type RawWorkflow } from './drafts.ts';
import { IssueList, issuesToError, type Path } from './issues.ts';
import type { MeaningOptions } from './meaning.ts';
import { isObject } from './origins.ts';
import type { LoadedWorkflow } from './registry.ts';
import { readObject } from './source-object.ts';
import { readText, type Source } from './source-text.ts';
import { didYouMean } from './suggest.ts';

export interface LoadOptions extends MeaningOptions {
  /** Used in messages. */
  readonly fileName?: string;
  /** The id of a workflow that has none. */
  readonly defaultId?: string;
}

export type { LoadedWorkflow } from './registry.ts';

export interface LoadResult {
  /** In the order of the file. Holds only workflows without problems, which call none that has any. */
  readonly workflows: readonly LoadedWorkflow[];
  /** Every problem of every workflow, in the order of the text where there is one. */
  readonly issues: readonly Issue[];
}

/**
 * Loads every workflow of a YAML or JSON text, or of a plain object: one, `{workflow: …}`, or `workflows` as a list or by id.
 * Takes the canonical form and the dialects of the source documents. Never throws: whatever is wrong is in `issues`.
 */
export function loadWorkflows(source: unknown, options: LoadOptions = {}): LoadResult {
  const reading = new IssueList();
  const { data, locate } = readSource(source, reading);
  const isUnreadable = data === undefined || reading.has('LIMIT_EXCEEDED');
  const found = isUnreadable ? [] : findWorkflows(data, options.defaultId, reading);
  const { workflows, issues } = loadDrafts(found, options);
  const all = [...reading.all(), ...issues].map((issue) => located(issue, locate));
  return { workflows: reading.isEmpty ? workflows : [], issues: all.sort(byPosition) };
}

/** One workflow of a source: the one with this id or name, or the only one. Throws a SwarmchartError that holds every problem. */
export function loadWorkflow(source: unknown, options: LoadOptions & { readonly workflow?: string } = {}): LoadedWorkflow {
  const { workflows, issues } = loadWorkflows(source, options);
  if (issues.length > 0) throw issuesToError(issues, options.fileName);
  return selectWorkflow(workflows, options.workflow);
}

/** The workflow with this id or name; without a name, the only one. Throws WORKFLOW_NOT_FOUND. */
export function selectWorkflow(workflows: readonly LoadedWorkflow[], name?: string): LoadedWorkflow {
  const [only, second] = workflows;
  const ids = workflows.map(({ plan }) => plan.id);
  if (name === undefined) {
    if (only && !second) return only;
    throw new SwarmchartError('WORKFLOW_NOT_FOUND', `There are ${ids.length} workflows; name one of them: ${ids.join(', ')}.`);
  }
  const found = workflows.find(({ plan }) => plan.id === name) ?? workflows.find(({ plan }) => plan.name === name);
  if (found) return found;
  throw new SwarmchartError('WORKFLOW_NOT_FOUND', `There is no workflow "${name}" among ${ids.join(', ')}.${didYouMean(name, ids)}`);
}

function readSource(source: unknown, issues: IssueList): Source {
  if (typeof source === 'string') return readText(source, issues);
  return { data: readObject(source, issues), locate: () => undefined };
}

function findWorkflows(data: Json, defaultId: string | undefined, issues: IssueList): readonly RawWorkflow[] {
  const found: RawWorkflow[] = [];
  const add = (raw: Json, path: Path, id: string | undefined): void => {
    if (!isObject(raw)) issues.add('INVALID_VALUE', path, 'A workflow is an object.');
    else found.push({ raw: raw['id'] === undefined && id !== undefined ? { ...raw, id } : raw, path });
  };
  const list = Array.isArray(data) ? data : undefined;
  const isWrapper = isObject(data) && data['steps'] === undefined && data['tasks'] === undefined;
  const { workflow, workflows } = isWrapper ? data : {};
  if (list) for (const [index, raw] of list.entries()) add(raw as Json, [index], undefined);
  else if (!isObject(data) || (workflow === undefined && workflows === undefined)) add(data, [], defaultId);
  else {
    for (const key of Object.keys(data)) {
      if (key !== 'workflow' && key !== 'workflows' && key !== '$schema') issues.add('UNKNOWN_KEY', [key], `"${key}" means nothing here.`);
    }
    if (workflow !== undefined) add(workflow, ['workflow'], defaultId);
    if (Array.isArray(workflows)) for (const [index, raw] of workflows.entries()) add(raw as Json, ['workflows', index], undefined);
    else if (isObject(workflows)) for (const [id, raw] of Object.entries(workflows)) add(raw, ['workflows', id], id);
    else if (workflows !== undefined) issues.add('INVALID_VALUE', ['workflows'], 'Workflows are a list, or an object by id.');
  }
  return found;
}

/** Those without a position stay where they are, after the others. */
const byPosition = (a: Issue, b: Issue): number =>
  (a.line ?? Number.MAX_SAFE_INTEGER) - (b.line ?? Number.MAX_SAFE_INTEGER) || (a.column ?? 0) - (b.column ?? 0);

function located(issue: Issue, locate: Source['locate']): Issue {
  const isCount = issue.code === 'LIMIT_EXCEEDED' && issue.path.length === 0;
  if (issue.line !== undefined || isCount) return issue;
  const isKey = issue.code === 'UNKNOWN_KEY' || issue.code === 'UNSAFE_KEY';
  return { ...issue, ...locate(issue.path, isKey ? 'key' : 'value') };
}
