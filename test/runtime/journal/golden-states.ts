/** To what the streams of a journal fold, in the words of the public snapshots: what a later version must still make of them. */

import type { JournalReader } from '../../../src/index.ts';
import type { RunState } from '../../../src/machines/run.state.ts';
import type { SwarmState } from '../../../src/machines/swarm.state.ts';
import { runSnapshot } from '../../../src/runtime/execution/snapshot.ts';
import { swarmSnapshot } from '../../../src/runtime/execution/swarm-snapshot.ts';
import { restorationOf } from '../../../src/runtime/journal/restoration.ts';

export async function statesOf(journal: JournalReader): Promise<Record<string, unknown>> {
  const streams: Record<string, unknown> = {};
  for await (const { name, status, seq, damage } of journal.streams()) {
    const facts = await journal.read(name);
    const folded = name.includes('/') ? { facts } : foldOf(restorationOf(facts));
    streams[name] = { status, seq, ...(damage !== undefined && { damage }), ...folded };
  }
  return JSON.parse(JSON.stringify(streams)) as Record<string, unknown>;
}

function foldOf({ tier, context: { executionId }, states }: ReturnType<typeof restorationOf>) {
  const state = states.get(executionId);
  const root = tier === 'tier1' ? swarmSnapshot(executionId, state as SwarmState) : runSnapshot(executionId, state as RunState);
  return { root, phases: Object.fromEntries([...states].map(([id, { phase }]) => [id, phase])) };
}
