/** Which workflow a task follows: one it names, one of its own, a single tool, or the routine of one of its capabilities. */

import type { Issue } from '../../machines/protocol/errors.ts';
import type { Json } from '../../machines/protocol/execution.ts';
import type { Plan } from '../../machines/protocol/plan.ts';
import type { IssueList, Path } from '../workflow/issues.ts';
import { type LoadedWorkflow, loadWorkflows } from '../workflow/load.ts';
import { isObject, type RawObject } from '../workflow/origins.ts';
import type { WorkflowRegistry } from '../workflow/registry.ts';
import type { SecretNames } from '../workflow/secret-references.ts';
import { didYouMean } from '../workflow/suggest.ts';
import { withWorkflows } from './own-registry.ts';

export interface RoutineOptions {
  /** Without one, whether tools and modules exist is not checked. */
  readonly registry?: WorkflowRegistry;
  /** Looked in when these have no such workflow or routine: those of the runtime. */
  readonly base?: Routines;
}

/** A workflow, `broken` when it was declared and has problems of its own, or undefined when there is none. */
export type Found = LoadedWorkflow | 'broken' | undefined;

/** Workflows by id, and routines by capability. */
export class Routines {
  readonly #workflows = new Map<string, LoadedWorkflow | 'broken'>();
  readonly #byCapability = new Map<string, LoadedWorkflow | 'broken'>();
  readonly #options: RoutineOptions;

  /** For workflows that call others. */
  readonly #registry: WorkflowRegistry;

  constructor(options: RoutineOptions = {}) {
    this.#options = options;
    this.#registry = withWorkflows(
      options.registry,
      (id) => this.#callable(id),
      () => this.ids,
    );
  }

  /** A later one replaces an earlier one of the same id. */
  add(workflow: LoadedWorkflow): void {
    this.#workflows.set(workflow.plan.id, workflow);
  }

  /** `workflows` of a definition: a list, or by id. */
  addWorkflows(raw: Json, path: Path, issues: IssueList): void {
    const { workflows, issues: problems } = loadWorkflows({ workflows: raw }, { registry: this.#registry });
    addBelow(problems, path.slice(0, -1), issues);
    for (const id of idsOf(raw)) this.#workflows.set(id, 'broken');
    for (const workflow of workflows) this.add(workflow);
  }

  /** `routines` of a definition: a workflow, or the id of one, for each capability. */
  addRoutines(raw: Json, path: Path, issues: IssueList): void {
    if (!isObject(raw)) {
      issues.add('INVALID_VALUE', path, 'Routines are an object: for each capability a workflow, or the id of one.');
      return;
    }
    for (const [capability, routine] of Object.entries(raw)) {
      this.#byCapability.set(capability, this.#read(routine, [...path, capability], capability, issues) ?? 'broken');
    }
  }

  /** A workflow by its id, or one of its own. Undefined when it has problems, which were then reported. */
  named(raw: Json, path: Path, defaultId: string, issues: IssueList, inputNames?: Iterable<string>): LoadedWorkflow | undefined {
    const found = this.#read(raw, path, defaultId, issues, inputNames);
    return found === 'broken' ? undefined : found;
  }

  /** Loads a workflow that its definition holds; its problems are reported below `path`. */
  load(raw: RawObject, path: Path, defaultId: string, issues: IssueList, inputNames?: Iterable<string>): LoadedWorkflow | undefined {
    const { workflows, issues: problems } = loadWorkflows(raw, { registry: this.#registry, defaultId, ...(inputNames && { inputNames }) });
    addBelow(problems, path, issues);
    return problems.length === 0 ? workflows[0] : undefined;
  }

  /** Those that there are, when that is known. */
  get secrets(): SecretNames | undefined {
    return this.#options.registry?.secrets;
  }

  find(id: string): Found {
    const { base, registry } = this.#options;
    return this.#workflows.get(id) ?? base?.find(id) ?? registry?.workflow?.(id);
  }

  /** The routine of the first of these capabilities that has one. */
  forCapabilities(capabilities: readonly string[]): Found {
    for (const capability of capabilities) {
      const found = this.#ofCapability(capability);
      if (found) return found;
    }
    return undefined;
  }

  /** All capabilities that have a routine. */
  get capabilities(): readonly string[] {
    return [...this.#byCapability.keys(), ...(this.#options.base?.capabilities ?? [])];
  }

  get ids(): readonly string[] {
    const { base, registry } = this.#options;
    return [...this.#workflows.keys(), ...(base?.ids ?? []), ...(registry?.names?.('workflow') ?? [])];
  }

  #ofCapability(capability: string): Found {
    return this.#byCapability.get(capability) ?? this.#options.base?.forCapabilities([capability]);
  }

  #read(raw: Json, path: Path, defaultId: string, issues: IssueList, inputNames?: Iterable<string>): Found {
    if (isObject(raw)) return this.load(raw, path, defaultId, issues, inputNames);
    if (typeof raw !== 'string') {
      issues.add('INVALID_VALUE', path, 'A workflow is an object, or the id of one.');
      return undefined;
    }
    const found = this.find(raw);
    if (!found) issues.add('WORKFLOW_NOT_FOUND', path, `There is no workflow "${raw}".${didYouMean(raw, this.ids)}`);
    return found;
  }

  /** Who calls a broken one is not to blame; nobody runs it, for its problems refuse the whole. */
  #callable(id: string): LoadedWorkflow | undefined {
    const found = this.find(id);
    return found === 'broken' ? { plan: { ...NOTHING, id, name: id } } : found;
  }
}

const NOTHING: Omit<Plan, 'id' | 'name'> = { version: '0', steps: [], byRank: [], ordinals: {}, sinks: [], metadata: {} };

/** Also of those that have problems. */
function idsOf(raw: Json): readonly string[] {
  if (isObject(raw)) return Object.keys(raw);
  const ids = Array.isArray(raw) ? raw.map((workflow: Json) => (isObject(workflow) ? workflow['id'] : undefined)) : [];
  return ids.filter((id) => typeof id === 'string');
}

function addBelow(problems: readonly Issue[], path: Path, issues: IssueList): void {
  for (const { code, path: below, message } of problems) issues.add(code, [...path, ...below], message);
}
