import type { RetryPolicy } from '../../machines/protocol/plan.ts';

/** What exists in a runtime, as far as a workflow can name it. */
export interface WorkflowRegistry {
  hasTool(name: string): boolean;
  hasModule(name: string): boolean;
  hasOperation(module: string, operation: string): boolean;
  hasStrategy(name: string): boolean;
  hasCondition(name: string): boolean;
  /** A tool's own settings, used where the step and the workflow say nothing. */
  tool?(name: string): { readonly timeoutMs?: number; readonly credits?: string; readonly retry?: RetryPolicy } | undefined;
  /** Names to suggest when one is unknown. */
  names?(kind: 'tool' | 'module' | 'strategy' | 'condition'): Iterable<string>;
}
