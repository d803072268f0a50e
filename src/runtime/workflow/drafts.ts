/** The workflows of one file, from their raw form to plans: they may call each other, in any order, but not in a circle. */

import type { Issue } from '../../machines/protocol/errors.ts';
import type { Plan } from '../../machines/protocol/plan.ts';
import { compilePlan } from './compile.ts';
import { findCycles, printCycle } from './cycles.ts';
import { Importer } from './dialects.ts';
import { type Extent, extentOf } from './extent.ts';
import { IssueList, type Path } from './issues.ts';
import { WORKFLOW_LIMITS } from './limits.ts';
import { type Callable, checkMeaning, type Meaning, type MeaningOptions } from './meaning.ts';
import type { RawObject } from './origins.ts';
import { type Outline, type OutlineStep, outlineWorkflow } from './outline.ts';
import type { LoadedWorkflow, WorkflowRegistry } from './registry.ts';

export interface RawWorkflow {
  readonly raw: RawObject;
  readonly path: Path;
}

interface Draft {
  readonly outline: Outline;
  /** Of the outline, by paths of the canonical form. */
  readonly issues: IssueList;
  /** Every problem, by paths of the author's own text. */
  problems(): readonly Issue[];
}

/** Every problem of every workflow in their order, and the workflows that have none and call none that has any. */
export function loadDrafts(
  found: readonly RawWorkflow[],
  options: MeaningOptions,
): { readonly workflows: readonly LoadedWorkflow[]; readonly issues: readonly Issue[] } {
  const drafts = found.map((workflow) => draftOf(workflow, options.registry));
  const byId = indexDrafts(drafts);
  const callable = callableOf(drafts, byId, options.registry);
  const meanings = drafts.map(({ outline, issues }) => checkMeaning(outline, options, callable, issues));
  const calls = drafts.map(({ outline }) => new Set(outline.calls.map(({ calls: id }) => byId.get(id ?? '')).filter(isIndex)));
  checkCycles(drafts, calls);
  const plans = compileDrafts(drafts, meanings, calls, byId, options.registry);
  const workflows = plans.filter((plan) => plan !== undefined).map((plan) => ({ plan, ...(plan.inputs && { inputs: plan.inputs }) }));
  return { workflows, issues: drafts.flatMap((draft) => draft.problems()) };
}

const isIndex = (index: number | undefined): index is number => index !== undefined;

function draftOf({ raw, path }: RawWorkflow, registry: WorkflowRegistry | undefined): Draft {
  const importing = new IssueList();
  const importer = new Importer(importing);
  const canonical = importer.workflow(raw, path);
  const issues = new IssueList();
  const outline = outlineWorkflow(canonical, issues, registry);
  const original = (issue: Issue): Issue => ({ ...issue, path: importer.origins.original(canonical, issue.path) });
  return { outline, issues, problems: () => [...importing.all(), ...issues.all().map(original)] };
}

function indexDrafts(drafts: readonly Draft[]): ReadonlyMap<string, number> {
  const byId = new Map<string, number>();
  for (const [index, { outline, issues }] of drafts.entries()) {
    const { id } = outline.fields;
    if (id === undefined) continue;
    if (byId.has(id)) issues.add('DUPLICATE_ID', ['id'], `There is another workflow "${id}".`);
    else byId.set(id, index);
  }
  return byId;
}

function callableOf(drafts: readonly Draft[], byId: ReadonlyMap<string, number>, registry: WorkflowRegistry | undefined): Callable {
  const declared = drafts.map(({ outline: { fields } }) => {
    const isTooMuch = Object.keys(fields.input ?? {}).length > WORKFLOW_LIMITS.inputs;
    return { inputs: isTooMuch ? undefined : fields.input };
  });
  return {
    find(id) {
      const local = byId.get(id);
      return local === undefined ? registry?.workflow?.(id) : declared[local];
    },
    *ids() {
      yield* byId.keys();
      yield* registry?.names?.('workflow') ?? [];
    },
  };
}

type Calls = readonly ReadonlySet<number>[];

function checkCycles(drafts: readonly Draft[], calls: Calls): void {
  for (const cycle of findCycles(calls)) {
    const names = cycle.map((index) => drafts[index]?.outline.fields.id ?? '');
    const first = drafts[cycle[0] ?? 0];
    const step = first?.outline.calls.find(({ calls: id }) => id === (names[1] ?? names[0]));
    first?.issues.add('DEPENDENCY_CYCLE', pathOf(step), `The workflows call each other: ${printCycle(names)}.`);
  }
}

const pathOf = (step: OutlineStep | undefined): Path => (step ? [...step.path, 'workflow'] : []);

/** Those that are called before those that call them; no recursion, for a chain may be long. */
function compileDrafts(
  drafts: readonly Draft[],
  meanings: readonly Meaning[],
  calls: Calls,
  byId: ReadonlyMap<string, number>,
  registry: WorkflowRegistry | undefined,
): readonly (Plan | undefined)[] {
  const plans: (Plan | undefined)[] = drafts.map(() => undefined);
  const callers: number[][] = drafts.map(() => []);
  for (const [index, called] of calls.entries()) for (const other of called) callers[other]?.push(index);
  const missing = calls.map(({ size }) => size);
  const ready = [...missing.keys()].filter((index) => missing[index] === 0);
  const find = (id: string): Plan | undefined => {
    const local = byId.get(id);
    return local === undefined ? registry?.workflow?.(id)?.plan : plans[local];
  };
  for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
    const [draft, meaning] = [drafts[index], meanings[index]];
    if (draft === undefined || meaning === undefined || draft.problems().length > 0) continue;
    checkExtent(draft, find);
    if (!draft.issues.isEmpty) continue;
    plans[index] = compilePlan(draft.outline, meaning, { registry, plan: (id) => find(id) as Plan });
    for (const caller of callers[index] ?? []) {
      missing[caller] = (missing[caller] ?? 0) - 1;
      if (missing[caller] === 0) ready.push(caller);
    }
  }
  return plans;
}

/** A workflow that calls another one twice is twice as big: what it comes to is known without going through it. */
function checkExtent({ outline, issues }: Draft, find: (id: string) => Plan | undefined): void {
  let steps = outline.size;
  for (const step of outline.calls) {
    const plan = find(step.calls ?? '');
    const called: Extent = plan ? extentOf(plan) : { steps: 0, levels: 0 };
    steps += called.steps;
    if (steps > WORKFLOW_LIMITS.steps) {
      issues.add('LIMIT_EXCEEDED', pathOf(step), `More than ${WORKFLOW_LIMITS.steps} steps, with those of the workflows that it calls.`);
      return;
    }
    if (step.depth + called.levels <= WORKFLOW_LIMITS.stepDepth) continue;
    const message = `Steps are nested deeper than ${WORKFLOW_LIMITS.stepDepth} levels, with those of the workflows that it calls.`;
    issues.add('LIMIT_EXCEEDED', pathOf(step), message);
    return;
  }
}
