/** An execution of a journal by its id, or by the beginning of it. */

import type { JournalReader, StreamInfo } from '../../runtime/journal/journal.ts';
import { didYouMean } from '../../runtime/workflow/suggest.ts';
import type { Kept } from '../execute.ts';
import { oneLine, shellWord, UsageError } from '../outcome.ts';
import { isOfExecution } from './executions.ts';

/** So many characters are enough, where no other id begins with them. */
const SHORTEST = 3;
const MOST_NAMED = 5;

/** Throws UsageError for what is unknown, ambiguous, or no execution of its own. */
export async function findExecution(reader: JournalReader, given: string, kept: Kept): Promise<StreamInfo> {
  const [root = ''] = given.split('/');
  if (root === '') throw unknown(given, '', kept);
  if (root !== given && (await reader.find(root))) {
    const message = `"${oneLine(given)}" is part of an execution, and goes on and ends with it`;
    throw new UsageError('INVALID_INPUT', message, { hint: `name the whole: ${shellWord(root)}` });
  }
  const exact = root === given ? await reader.find(given) : undefined;
  if (exact) return exact;
  const found: StreamInfo[] = [];
  if (given.length >= SHORTEST) for await (const info of reader.streams(given)) if (isOfExecution(info)) found.push(info);
  const [only] = found;
  if (only && found.length === 1) return only;
  if (!only) throw unknown(given, didYouMean(given, await idsIn(reader)), kept);
  const names = found.slice(0, MOST_NAMED).map(({ name }) => oneLine(name));
  const more = found.length > names.length ? ` and ${found.length - names.length} more` : '';
  throw new UsageError('INVALID_INPUT', `"${oneLine(given)}" is the beginning of ${names.join(', ')}${more}: give more of it`);
}

function unknown(given: string, suggestion: string, { option }: Kept): UsageError {
  const message = `The journal has no execution "${oneLine(given)}".${suggestion}`;
  return new UsageError('EXECUTION_NOT_FOUND', message, { hint: `swarmchart list${option} shows what there is` });
}

async function idsIn(reader: JournalReader): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const info of reader.streams()) if (isOfExecution(info)) ids.push(info.name);
  // The newest are those that somebody has in mind.
  return ids.reverse();
}
