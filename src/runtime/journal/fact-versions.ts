/** Facts of older versions are read as if the present one had written them. There is only version 1 so far. */

import { SwarmchartError } from '../../machines/protocol/errors.ts';
import { FACT_VERSION, type Fact } from '../../machines/protocol/facts.ts';

/** Makes a fact of the next version out of one of its version. Pure. */
export type Upcast = (fact: Fact) => Fact;

/** By the version that they are for. */
const UPCASTS: ReadonlyMap<number, Upcast> = new Map();

/** Reads a fact as one of version `present`. Throws JOURNAL_VERSION for a newer one, and for one that nobody can read any more. */
export function asPresent(fact: Fact, upcasts: ReadonlyMap<number, Upcast> = UPCASTS, present: number = FACT_VERSION): Fact {
  if (fact.v === present) return fact;
  const upcast = upcasts.get(fact.v);
  if (fact.v > present || !upcast) {
    const message = `The fact "${fact.id}" is of version ${fact.v}; this Swarmchart reads versions up to ${present}`;
    throw new SwarmchartError('JOURNAL_VERSION', message);
  }
  return asPresent({ ...upcast(fact), v: fact.v + 1 }, upcasts, present);
}
