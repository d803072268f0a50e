/** Checking definitions at the door: all or none, a few at once, many with turns of the event loop in between. */

import { memberOf } from '../../actors/failure.ts';
import { type CheckedAgent, checkingAgents } from './definition.ts';

export type Enrolment = readonly CheckedAgent[] | Promise<readonly CheckedAgent[]>;

interface Door {
  /** Ids of agents that are registered. */
  readonly ids: ReadonlySet<string>;
  /** Ids of those that are being checked: taken from the start, and free again if they are refused. */
  readonly arriving: Set<string>;
  readonly hasFaults: boolean;
  readonly root: readonly string[];
  /** Resolves in a later turn; rejects when it is too late. */
  readonly turn: () => Promise<void>;
}

/** Throws, or rejects with, every problem at once. */
export function enrol(given: readonly unknown[], { ids, arriving, hasFaults, root, turn }: Door): Enrolment {
  const reserved = new Set<string>();
  for (const definition of given) {
    const id = memberOf(definition, 'id');
    if (typeof id === 'string' && !ids.has(id) && !arriving.has(id)) reserved.add(id);
  }
  for (const id of reserved) arriving.add(id);
  const free = (refused: unknown): never => {
    for (const id of reserved) arriving.delete(id);
    throw refused;
  };
  const isTaken = (id: string): boolean => ids.has(id) || (arriving.has(id) && !reserved.has(id));
  const check = checkingAgents(given, isTaken, hasFaults, root);
  try {
    const step = check.next();
    if (step.done) return step.value;
  } catch (refused) {
    return free(refused);
  }
  return finished(check, turn).catch(free);
}

async function finished(check: ReturnType<typeof checkingAgents>, turn: () => Promise<void>): Promise<readonly CheckedAgent[]> {
  for (;;) {
    await turn();
    const step = check.next();
    if (step.done) return step.value;
  }
}
