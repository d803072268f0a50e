/** What there is that a breaker guards, whether it was called or not. */

import { guardsOf } from '../../actors/guarded.ts';
import type { Guard, ModuleOperations } from '../../actors/services.ts';
import type { BreakerKey } from '../../machines/protocol/breaker.ts';
import type { AgentSnapshot } from '../agents/snapshots.ts';
import type { ToolRegistry } from '../tool-registry.ts';

export interface Guardable {
  readonly tools: Pick<ToolRegistry, 'get' | 'list'>;
  readonly modules: ReadonlyMap<string, ModuleOperations>;
  readonly agents: { get(id: string): AgentSnapshot | undefined };
}

/** Layers are known once something was guarded by their name. */
export const knownGuards =
  ({ tools, modules, agents }: Guardable) =>
  ({ scope, key }: BreakerKey): Guard | undefined => {
    switch (scope) {
      case 'tool': {
        const tool = tools.get(key);
        return tool && guardsOf(tool).find((guard) => guard.scope === 'tool');
      }
      case 'provider':
        return tools.list().some(({ provider }) => provider === key) ? { scope, key } : undefined;
      case 'module':
        return modules.has(key) ? { scope, key } : undefined;
      case 'agent': {
        const status = agents.get(key)?.status;
        return status === undefined || status === 'escalated' ? undefined : { scope, key };
      }
      default:
        return undefined;
    }
  };
