/** What must hold of what a process leaves on its disk, however often it crashed. Each check returns the violations that it found. */

import type { ToolContext } from '../actors/tool.ts';
import { isTerminal, type Journal } from '../runtime/journal/journal.ts';
import type { SimulatedDisk } from './simulated-disk.ts';
import type { CommitLog } from './simulated-journals.ts';
import type { ToolCall } from './world.ts';

/** Whatever was said to be committed is there. */
export async function lostCommits({ acknowledged }: CommitLog, journal: Journal): Promise<string[]> {
  const found: string[] = [];
  for (const [stream, seq] of acknowledged) {
    const info = await journal.find(stream);
    if ((info?.seq ?? 0) < seq) found.push(`${stream} was said to be committed up to ${seq}, and has ${info?.seq ?? 0} facts`);
  }
  return found;
}

/** No stream is in quarantine where nothing was damaged. */
export async function quarantined(journal: Journal): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, damage } of journal.streams()) if (damage !== undefined) found.push(`${name} is held to be damaged: ${damage}`);
  return found;
}

/** The head of each stream that may go on is that of its last fact. */
export function wrongHeads({ streams, rows, heads }: SimulatedDisk): string[] {
  return [...streams.values()].flatMap(({ id, name, status }) => {
    const [seq, head] = [rows.get(id)?.at(-1)?.seq, heads.get(name)?.seq];
    return head === seq || (head === undefined && status === 'settled') ? [] : [`${name} has ${seq} facts, and its head says ${head}`];
  });
}

/** A call that begins now must not be of a step whose end is on the disk. */
export function repeatedCall({ execution: { executionId } }: ToolContext, { rows }: SimulatedDisk): string[] {
  for (const own of rows.values()) {
    for (const { body } of own) {
      if (!body.includes(executionId)) continue;
      const fact = JSON.parse(body);
      if (fact.executionId === executionId && isTerminal(fact)) return [`${executionId} acts again after its end was committed`];
    }
  }
  return [];
}

/** Every attempt of a step has the same idempotency key. */
export function changedKeys(calls: readonly ToolCall[]): string[] {
  const keys = new Map<string, string>();
  return calls.flatMap(({ context: { execution, idempotencyKey } }) => {
    const before = keys.get(execution.executionId) ?? idempotencyKey;
    keys.set(execution.executionId, before);
    return before === idempotencyKey ? [] : [`${execution.executionId} has the keys ${before} and ${idempotencyKey}`];
  });
}
