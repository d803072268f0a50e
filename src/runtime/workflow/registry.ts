import type { InputDeclaration, Plan, RetryPolicy } from '../../machines/protocol/plan.ts';
import type { SecretNames } from './secret-references.ts';

/** A workflow after all checks. */
export interface LoadedWorkflow {
  readonly plan: Plan;
  /** The inputs that the workflow declares, as its plan has them; without a declaration it takes any. */
  readonly inputs?: Readonly<Record<string, InputDeclaration>>;
}

/** What exists in a runtime, as far as a workflow can name it. */
export interface WorkflowRegistry {
  hasTool(name: string): boolean;
  hasModule(name: string): boolean;
  hasOperation(module: string, operation: string): boolean;
  hasStrategy(name: string): boolean;
  hasCondition(name: string): boolean;
  /** A tool's own settings, used where the step and the workflow say nothing. */
  tool?(name: string):
    | {
        readonly timeoutMs?: number;
        readonly credits?: string;
        readonly tokens?: number;
        readonly memoryMB?: number;
        readonly retry?: RetryPolicy;
      }
    | undefined;
  /** A workflow that was created before; those of the same file come first. */
  workflow?(id: string): LoadedWorkflow | undefined;
  /** Without it, whether secrets exist is not checked. */
  readonly secrets?: SecretNames;
  /** Names to suggest when one is unknown. */
  names?(kind: 'tool' | 'module' | 'strategy' | 'condition' | 'workflow'): Iterable<string>;
}
