/** Streams as lines of JSON, and what becomes of them in the journal. */

import { describe, expect, it, onTestFinished } from 'vitest';
import { archiveStreams, exportStreams, type Journal, MemoryJournal, sqlite, verifyExport } from '../../../src/index.ts';
import { collectAll } from '../../support/collect-all.ts';
import { ending, someFact, someFacts } from './some-facts.ts';
import { flipBitIn } from './sqlite/damage.ts';
import { temporaryFile } from './sqlite/temporary-folder.ts';

interface Line {
  readonly stream: string;
  readonly seq: number;
  readonly hash: string;
}

async function filled<Kind extends Journal>(journal: Kind): Promise<Kind> {
  await journal.open();
  onTestFinished(() => journal.close());
  await journal.append('old', 0, [someFact('old', 1), ending('old', 2)]);
  await journal.append('new', 0, [someFact('new', 1), { ...ending('new', 2), at: 9_000 }]);
  await journal.append('open', 0, someFacts('open', 1, 3));
  return journal;
}

const parsed = (lines: readonly string[]): readonly Line[] => lines.map((line) => JSON.parse(line) as Line);

describe('an export', () => {
  it('has a line for each fact, stream after stream, and is the same from a file as from memory', async () => {
    const lines = await collectAll(exportStreams(await filled(sqlite(temporaryFile()))));
    expect(parsed(lines).map(({ stream, seq }) => `${stream}#${seq}`)).toEqual([
      'old#1',
      'old#2',
      'new#1',
      'new#2',
      'open#1',
      'open#2',
      'open#3',
    ]);
    expect(await collectAll(exportStreams(await filled(new MemoryJournal())))).toEqual(lines);
  });

  it('has what is asked for: by name, or what has settled before a time', async () => {
    const journal = await filled(new MemoryJournal());
    const names = async (options: Parameters<typeof exportStreams>[1]) => [
      ...new Set(parsed(await collectAll(exportStreams(journal, options))).map(({ stream }) => stream)),
    ];
    expect(await names({ streams: ['open', 'nobody', 'old'] })).toEqual(['open', 'old']);
    expect(await names({ settledBefore: 9_000 })).toEqual(['old']);
    expect(await names({ settledBefore: 9_001 })).toEqual(['old', 'new']);
  });

  it('can be verified: a line that is changed, or missing, is named', async () => {
    const lines = await collectAll(exportStreams(await filled(new MemoryJournal())));
    const verdicts = (changed: readonly string[]) => collectAll(verifyExport(changed));
    expect(await verdicts([...lines, ''])).toEqual([
      { stream: 'old', facts: 2 },
      { stream: 'new', facts: 2 },
      { stream: 'open', facts: 3 },
    ]);
    expect(await verdicts(lines.map((line) => line.replace('"at":9000', '"at":9001')))).toContainEqual({
      stream: 'new',
      facts: 1,
      problem: 'fact 2 is not what was written',
    });
    expect(await verdicts(lines.toSpliced(5, 1))).toContainEqual({ stream: 'open', facts: 1, problem: 'fact 2 is missing' });
  });

  it('of a damaged stream has what is sound, and says what is wrong', async () => {
    const path = temporaryFile();
    const journal = await filled(sqlite(path));
    await journal.close();
    flipBitIn(path, '"id":"open#2"');
    const damaged = sqlite(path);
    await damaged.open();
    onTestFinished(() => damaged.close());
    const lines = await collectAll(exportStreams(damaged, { streams: ['open'] }));
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[1] ?? '')).toEqual({ stream: 'open', damage: 'fact 2 is not what was written' });
    expect(await collectAll(verifyExport(lines))).toEqual([{ stream: 'open', facts: 1, problem: 'fact 2 is not what was written' }]);
  });
});

describe('archiving', () => {
  it('hands each settled stream over before it drops it, and leaves the others', async () => {
    const journal = await filled(sqlite(temporaryFile()));
    const kept: string[] = [];
    const archived = await archiveStreams(journal, async (lines) => {
      const [first] = parsed(lines);
      expect(await journal.find(first?.stream ?? '')).toBeDefined();
      kept.push(...lines);
    });
    expect(archived).toBe(2);
    expect(await collectAll(verifyExport(kept))).toEqual([
      { stream: 'old', facts: 2 },
      { stream: 'new', facts: 2 },
    ]);
    expect((await collectAll(journal.streams())).map(({ name }) => name)).toEqual(['open']);
  });

  it('drops nothing that was not kept', async () => {
    const journal = await filled(new MemoryJournal());
    await expect(archiveStreams(journal, () => Promise.reject(new Error('no room')))).rejects.toThrow('no room');
    expect(await journal.find('old')).toBeDefined();
  });
});
