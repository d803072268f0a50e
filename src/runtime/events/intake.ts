/** What the embedder's events go through before they are recorded: filters and transforms, in the order in which they were given. */

import { z } from 'zod';
import { asCause } from '../../actors/failure.ts';
import { frozen } from '../../actors/json.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { JsonObject } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import { aFunction, checked } from './door.ts';
import { checkPattern, compilePattern } from './pattern.ts';
import { asPayload } from './payload.ts';
import { sifted } from './sieve.ts';

export interface IntakeStage {
  /** Types of the events that go through it. @default '**' */
  readonly pattern?: string;
  /** Lets in only the events for which it gives true. */
  readonly filter?: (event: Fact) => boolean | null | undefined;
  /** Gives the payload that is recorded instead. */
  readonly transform?: (event: Fact) => JsonObject;
}

const Stage = z
  .strictObject({
    pattern: z.string(),
    filter: aFunction<NonNullable<IntakeStage['filter']>>(),
    transform: aFunction<NonNullable<IntakeStage['transform']>>(),
  })
  .partial();

export class Intake {
  readonly #stages = new Set<{ readonly matches: (type: string) => boolean; readonly stage: IntakeStage }>();

  /** Returns what takes it out again. Throws INVALID_VALUE. */
  add(given: IntakeStage): () => void {
    const stage = checked('The stage', Stage, given, 'INVALID_VALUE');
    const { pattern = '**' } = stage;
    checkPattern(pattern);
    const entry = { matches: compilePattern(pattern), stage };
    this.#stages.add(entry);
    return () => this.#stages.delete(entry);
  }

  /** What is to be recorded, or undefined. Throws INVALID_INPUT when a stage throws: nobody knows whether the event was meant to come in. */
  take(event: Fact): Fact | undefined {
    let current = event;
    for (const { matches, stage } of this.#stages) {
      if (!matches(event.type)) continue;
      try {
        const passed = sifted(current, stage);
        if (!passed) return undefined;
        if (stage.transform) current = frozen({ ...current, payload: asPayload(passed.value) });
      } catch (thrown) {
        const message = `A stage of the intake failed on the event "${event.id}": ${asCause(thrown).message}`;
        throw new SwarmchartError('INVALID_INPUT', message, { cause: thrown });
      }
    }
    return current;
  }
}
