import type { LoadedWorkflow, WorkflowRegistry } from '../workflow/registry.ts';

/** Of a definition that is checked where no runtime is: whatever it names may exist. */
const ANYTHING: WorkflowRegistry = {
  hasTool: () => true,
  hasModule: () => true,
  hasOperation: () => true,
  hasStrategy: () => true,
  hasCondition: () => true,
};

/** What exists in a runtime, with other workflows: those that a swarm brings along and those of the runtime. */
export function withWorkflows(
  given: WorkflowRegistry = ANYTHING,
  find: (id: string) => LoadedWorkflow | undefined,
  ids: () => Iterable<string>,
): WorkflowRegistry {
  return {
    hasTool: (name) => given.hasTool(name),
    hasModule: (name) => given.hasModule(name),
    hasOperation: (module, operation) => given.hasOperation(module, operation),
    hasStrategy: (name) => given.hasStrategy(name),
    hasCondition: (name) => given.hasCondition(name),
    tool: (name) => given.tool?.(name),
    workflow: find,
    ...(given.secrets && { secrets: given.secrets }),
    names: (kind) => (kind === 'workflow' ? ids() : (given.names?.(kind) ?? [])),
  };
}
