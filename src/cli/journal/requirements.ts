/** What an execution of the journal calls, and the configuration does not have: without it, going on would be its end. */

import type { PlanStep } from '../../machines/protocol/plan.ts';
import type { WorkflowRegistry } from '../../runtime/workflow/registry.ts';
import { oneLine, UsageError } from '../outcome.ts';
import type { Root } from './root-state.ts';

/** `undo`: only what undoes completed steps, which is all that a cancelled execution calls. */
type Which = 'all' | 'undo';

const MOST_NAMED = 5;

/** Throws UsageError with what is missing. */
export function requireAll(root: Root, which: Which, registry: WorkflowRegistry): void {
  const missing = missingFor(root, which, registry);
  if (missing.length === 0) return;
  const names = missing.slice(0, MOST_NAMED).map((name) => oneLine(name));
  const more = missing.length > names.length ? ` and ${missing.length - names.length} more` : '';
  const hint = 'use the configuration that it was started with: in the folder of its swarmchart.config.ts, or by --config PATH';
  throw new UsageError('TOOL_NOT_FOUND', `${oneLine(root.name)} calls what the configuration does not have: ${names.join(', ')}${more}`, {
    hint,
  });
}

export function missingFor({ plans, tool }: Root, which: Which, registry: WorkflowRegistry): readonly string[] {
  const missing = new Set<string>();
  if (tool !== undefined && which === 'all' && !registry.hasTool(tool)) missing.add(`tool "${tool}"`);
  const open = [...plans];
  for (let plan = open.pop(); plan !== undefined; plan = open.pop()) {
    for (const step of plan.steps) {
      for (const name of missingIn(step, which, registry)) missing.add(name);
      if ('plan' in step.work) open.push(step.work.plan);
    }
    if (plan.items) open.push(plan.items);
  }
  return [...missing];
}

function missingIn({ work, fallbacks, compensation }: PlanStep, which: Which, registry: WorkflowRegistry): readonly string[] {
  const replacing = fallbacks.flatMap((fallback) => (fallback.action === 'use-tool' ? [fallback.tool] : []));
  const forward = which === 'undo' ? [] : [...(work.kind === 'tool' ? [work.tool] : []), ...replacing];
  const tools = [...forward, ...(compensation ? [compensation.tool] : [])];
  const hasOperation = work.kind !== 'module-operation' || registry.hasOperation(work.module, work.operation);
  return [
    ...tools.filter((tool) => !registry.hasTool(tool)).map((tool) => `tool "${tool}"`),
    ...(hasOperation || which === 'undo' ? [] : [`operation "${work.module}.${work.operation}"`]),
  ];
}
