/** A runtime with secrets, and everything that anybody can see of it. */

import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { InspectionEvent } from 'xstate';
import type { Logger, RuntimeOptions } from '../../../src/index.ts';
import { toPlain } from '../../../src/inspect/plain.ts';
import { startRuntime } from '../../support/start-runtime.ts';

export async function startSecretWorld(options: RuntimeOptions) {
  const logged: unknown[] = [];
  const inspected: string[] = [];
  const heard: unknown[] = [];
  const note = (fields: object, message?: string) => void logged.push([fields, message]);
  const logger: Logger = { debug: note, info: note, warn: note, error: note };
  const world = await startRuntime({
    logger,
    inspect: (event) => void inspected.push(seenIn(event)),
    ...options,
  });
  world.runtime.events.subscribe('**', (fact) => void heard.push(fact));
  return {
    ...world,
    logged,
    /** All that can be read, as texts. */
    async seen(executionIds: readonly string[], results: readonly unknown[] = []): Promise<readonly string[]> {
      const facts = await Promise.all(executionIds.map((id) => world.journal.read(id)));
      expect(facts.every((stream) => stream.length > 0)).toBe(true);
      const rest = [heard, world.runtime.errors.list(), world.runtime.approvals.list(), logged, results];
      return [...facts.map((stream) => JSON.stringify(stream)), ...rest.map(textOf), ...inspected];
    },
  };
}

/** As loggers write it, errors with their stacks, and with all that is hidden. */
export const textOf = (value: unknown): string =>
  inspect(value, { depth: 30, maxStringLength: null, maxArrayLength: null, showHidden: true });

/** Of an inspection event: what happened, and what the actor knows then. */
function seenIn({ type, event, snapshot }: InspectionEvent & { readonly event?: unknown; readonly snapshot?: object }): string {
  const limits = { maxDepth: 40, maxCharacters: 1_000_000, maxTextLength: 1_000_000 };
  const { context, output, error, input } = (snapshot ?? {}) as Record<string, unknown>;
  return JSON.stringify([type, event, context, output, error, input].map((part) => toPlain(part, limits)));
}
