/** Folds of executions that may have to live again: after a restart, or because their parent is suspended while they live, or before it heard of their end. */

import type { FactBody } from '../../machines/protocol/facts.ts';

/** What a parent records once it has heard how a child ended. */
const HEARD =
  /^tier(2\/step\/(completed|failed|skipped|cancelled|branched|fell_back|admitted|iterated|compensated|compensation_failed)|1\/task\/(completed|failed|cancelled|reassigned|given_up|escalated))$/;

export class SuspendedStates {
  readonly #states: Map<string, unknown>;
  /** Executions that have ended, by their id without the last part: their parent's name for them. */
  readonly #unheard = new Map<string, string>();

  constructor(states?: ReadonlyMap<string, unknown>) {
    this.#states = new Map(states);
  }

  keep(executionId: string, state: unknown): void {
    this.#states.set(executionId, state);
  }

  /** Of one that has ended: its parent may be suspended before it hears of that, and would start it again. */
  keepUntilHeard(executionId: string, state: unknown): void {
    this.#states.set(executionId, state);
    this.#unheard.set(executionId.slice(0, executionId.lastIndexOf('/')), executionId);
  }

  take(executionId: string): unknown {
    const state = this.#states.get(executionId);
    this.#states.delete(executionId);
    return state;
  }

  /** Forgets the children of whose end these facts of their parent tell. */
  heard(parentExecutionId: string, facts: readonly FactBody[]): void {
    if (this.#unheard.size === 0) return;
    for (const { type, payload } of facts) {
      if (!HEARD.test(type)) continue;
      const { stepId, taskId } = payload as { readonly stepId?: string; readonly taskId?: string };
      const name = `${parentExecutionId}/${stepId ?? taskId ?? ''}`;
      const executionId = this.#unheard.get(name);
      if (executionId === undefined) continue;
      this.#unheard.delete(name);
      this.#states.delete(executionId);
    }
  }
}
