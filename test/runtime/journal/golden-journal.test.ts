/**
 * Journals of every version of facts, as they were written then, open for ever: their files verify, and fold to what was recorded with them.
 * scripts/make-golden-journal.ts made them.
 */

import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRuntime, readJournal, sqlite } from '../../../src/index.ts';
import { VirtualClock } from '../../../src/testing/testing.ts';
import { collectAll } from '../../support/collect-all.ts';
import { statesOf } from './golden-states.ts';
import { temporaryFolder } from './sqlite/temporary-folder.ts';

const golden = fileURLToPath(new URL('../../fixtures/golden', import.meta.url));

describe.each(readdirSync(golden))('the golden journal %s', (version) => {
  const states = JSON.parse(readFileSync(join(golden, version, 'states.json'), 'utf8')) as Record<string, { readonly status: string }>;

  function copied(): string {
    const folder = temporaryFolder();
    for (const file of ['journal.db', 'journal.db.heads']) cpSync(join(golden, version, file), join(folder, file));
    return join(folder, 'journal.db');
  }

  it('verifies', async () => {
    const reader = await readJournal(copied());
    onTestFinished(() => reader.close());
    const verified = await collectAll(reader.verify());
    expect(verified.filter(({ problem }) => problem !== undefined)).toEqual([]);
    expect(verified.map(({ stream }) => stream)).toEqual(Object.keys(states));
    expect(reader.verifyPages()).toEqual([]);
  });

  it.each(['power', 'process'] as const)(
    'folds to the states that were recorded with it, and to the same at its next start (%s)',
    async (durability) => {
      const path = copied();
      for (const _ of ['first', 'second']) {
        const journal = sqlite(path, { durability });
        await journal.open();
        expect(await statesOf(journal)).toMatchObject(states);
        await journal.close();
      }
    },
  );

  it('goes on in a runtime: what was unsettled, and nothing else', async () => {
    const unsettled = Object.keys(states).filter((name) => states[name]?.status === 'unsettled');
    const hang = { name: 'hang', run: () => new Promise(() => undefined) };
    const runtime = await createRuntime({
      journal: sqlite(copied()),
      clock: new VirtualClock(),
      tools: [{ name: 'work', run: () => 'again' }, { name: 'fail', run: () => 'no more' }, hang],
    });
    onTestFinished(() => runtime.drain({ graceMs: 0 }));
    expect(runtime.executions.outcome).toMatchObject({ recovered: unsettled, deadLetters: [], troubles: [], waiting: [] });
  });
});
