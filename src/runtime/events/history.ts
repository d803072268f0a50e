/** What happened, from the journal: a part of it as a list, or all of it again, one after the other. Source: Implementation Guide, "Event Bus Implementation". */

import { z } from 'zod';
import { describe } from '../../actors/failure.ts';
import { frozen } from '../../actors/json.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { JournalReader, Recorded } from '../journal/journal.ts';
import { checked } from './door.ts';
import { checkPattern, compilePattern } from './pattern.ts';
import type { FactHandler } from './subscriber.ts';

export interface FactFilter {
  /** Only what happened then or later, and then or earlier. Milliseconds since the epoch. */
  readonly since?: number;
  readonly until?: number;
  /** Only of this execution and of what is below it. */
  readonly executionId?: string;
}

export interface HistoryOptions extends FactFilter {
  /** @default '**' */
  readonly pattern?: string;
  /** The latest so many, at most 100_000. @default 1_000 */
  readonly limit?: number;
}

const Replay = z.strictObject({ since: z.number(), until: z.number(), executionId: z.string() }).partial();
const History = Replay.extend({ pattern: z.string(), limit: z.int().min(1).max(100_000) }).partial();
type Journal = Pick<JournalReader, 'scan'>;

/** In the order of their commits, the newest last. Rejects with INVALID_VALUE. */
export async function history(journal: Journal, given: HistoryOptions): Promise<readonly Fact[]> {
  const { pattern = '**', limit = 1_000, ...options } = checked('The filter', History, given, 'INVALID_VALUE');
  const latest: Fact[] = [];
  for await (const fact of matching(journal, pattern, options)) {
    latest.push(fact);
    if (latest.length >= 2 * limit) latest.splice(0, latest.length - limit);
  }
  return latest.slice(-limit);
}

/** Waits for the handler each time. Resolves with how many it heard; rejects with what the handler throws, and hears no more then. */
export async function replay(journal: Journal, pattern: string, given: FactFilter, handler: FactHandler): Promise<number> {
  checkPattern(pattern);
  const options = checked('The filter', Replay, given, 'INVALID_VALUE');
  if (typeof handler !== 'function')
    throw new SwarmchartError('INVALID_VALUE', `A handler of facts is a function, got ${describe(handler)}`);
  let heard = 0;
  for await (const fact of matching(journal, pattern, options)) {
    await handler(fact);
    heard++;
  }
  return heard;
}

async function* matching(journal: Journal, pattern: string, options: FactFilter): AsyncGenerator<Fact> {
  const { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY, executionId } = options;
  const matches = compilePattern(pattern);
  const isOf = (id: string) => executionId === undefined || id === executionId || id.startsWith(`${executionId}/`);
  const isWanted = ({ fact }: Recorded) => fact.at >= since && fact.at <= until && matches(fact.type) && isOf(fact.executionId);
  for await (const batch of journal.scan()) for (const recorded of batch) if (isWanted(recorded)) yield frozen(recorded.fact);
}
