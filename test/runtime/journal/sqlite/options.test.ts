/** What `sqlite` is given. */

import { describe, expect, it, onTestFinished } from 'vitest';
import { type SqliteOptions, sqlite } from '../../../../src/index.ts';
import { someFact } from '../some-facts.ts';
import { temporaryFile } from './temporary-folder.ts';

describe('a journal in a file', () => {
  it.each([
    ['', {}, 'INVALID_VALUE', /path must be the path of a file/],
    ['j.db', { durability: 'none' }, 'INVALID_VALUE', /durability must be 'power' or 'process', got none/],
    ['j.db', { keepSettled: 5 }, 'INVALID_VALUE', /keepSettled must be an object with maxAgeMs or maxStreams, got 5/],
    ['j.db', { keepSettled: { maxStreams: -1 } }, 'INVALID_VALUE', /keepSettled.maxStreams must be a number of streams/],
    ['j.db', { durable: true }, 'UNKNOWN_KEY', /durable means nothing here/],
    ['j.db', 'power', 'INVALID_VALUE', /The options must be an object/],
  ])('is not made of %j and %j', (path, options, code, message) => {
    const create = () => sqlite(path, options as unknown as SqliteOptions);
    expect(create).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  it('takes no stream whose name a file cannot hold', async () => {
    const journal = sqlite(temporaryFile());
    await journal.open();
    onTestFinished(() => journal.close());
    const refusal = expect.objectContaining({ code: 'INVALID_VALUE', message: expect.stringContaining('must be well-formed text') });
    expect(() => journal.append('a\ud800', 0, [someFact('a\ud800', 1)])).toThrow(refusal);
  });

  it('refuses a fact that a file cannot hold, and takes the next one', async () => {
    const journal = sqlite(temporaryFile());
    await journal.open();
    onTestFinished(() => journal.close());
    const refusal = expect.objectContaining({ code: 'INVALID_VALUE', message: 'When a fact of "a" happened must be a number, got NaN' });
    expect(() => journal.append('a', 0, [someFact('a', 1, { at: Number.NaN })])).toThrow(refusal);
    await journal.append('a', 0, [someFact('a', 1)]);
    expect(await journal.read('a')).toEqual([someFact('a', 1)]);
  });

  it('is refused with every problem at once', () => {
    const create = () => sqlite('j.db', { durability: 'none', keepSettled: { maxAgeMs: 'day', days: 1 } } as unknown as SqliteOptions);
    expect(create).toThrow(/durability must be[\s\S]*keepSettled\.maxAgeMs must be[\s\S]*keepSettled\.days means nothing here/);
  });
});
