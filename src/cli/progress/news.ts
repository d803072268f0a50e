/** What is worth a line of progress. */

import type { PoolFact } from '../../machines/protocol/agent.ts';
import { agentName, causeOf } from './names.ts';
import type { State } from './rows.ts';

export interface News {
  readonly kind:
    | Exclude<State, 'running'>
    | 'planned'
    | 'started'
    | 'retrying'
    | 'falling back'
    | 'undone'
    | 'not undone'
    | 'lost'
    | 'continued'
    | 'reassigned'
    | 'given up'
    | 'replanning'
    | 'crashed'
    | 'restarted';
  readonly key: string;
  readonly label: string;
  /** What there is to say beside that. */
  readonly detail: string;
}

/** What happens to agents is not part of how tasks stand. */
export function agentNews({ type, payload }: PoolFact, root: string): News | undefined {
  if (!('agentId' in payload)) return undefined;
  const label = agentName(payload.agentId, root);
  const key = `agent/${payload.agentId}`;
  switch (type) {
    case 'agent/crashed':
      return { kind: 'crashed', key, label, detail: causeOf(payload.error, root) };
    case 'agent/lost':
      return { kind: 'lost', key, label, detail: causeOf(payload.error, root) };
    case 'agent/restarted':
      return { kind: 'restarted', key, label, detail: `life ${payload.incarnation}` };
    case 'agent/escalated':
      return { kind: 'failed', key, label, detail: `is given up: ${causeOf(payload.error, root)}` };
    default:
      return undefined;
  }
}
