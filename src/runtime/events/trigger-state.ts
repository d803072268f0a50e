/** What is known of a trigger: folded from the facts of its stream. */

import type { Fact } from '../../machines/protocol/facts.ts';
import type { TriggerFact, TriggerTotals } from '../../machines/protocol/route.ts';

export interface TriggerState extends TriggerTotals {
  /** Undefined while it is not registered. */
  readonly position: number | undefined;
}

const FRESH_TRIGGER: TriggerState = { position: undefined, started: 0, passedOver: 0, failed: 0 };

export const foldTrigger = (facts: readonly Fact[]): TriggerState =>
  facts.reduce((state, fact) => evolveTrigger(state, fact as unknown as TriggerFact), FRESH_TRIGGER);

/** Total: a fact that it does not know leaves the state unchanged. */
function evolveTrigger(state: TriggerState, { type, payload }: TriggerFact): TriggerState {
  switch (type) {
    case 'trigger/registered':
    case 'trigger/advanced':
    case 'trigger/failed': {
      const { position, started, passedOver, failed } = payload;
      return { position, started, passedOver, failed };
    }
    case 'trigger/unregistered':
      return FRESH_TRIGGER;
    default:
      return state;
  }
}
