/** The log of heads: what it remembers of lines that were torn, damaged or many. */

import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Head } from '../../../../src/runtime/journal/durable/fact-store.ts';
import { HeadLog, readHeadLog } from '../../../../src/runtime/journal/sqlite/head-log.ts';
import { flipBitIn } from './damage.ts';
import { temporaryFile } from './temporary-folder.ts';

const head = (name: string, seq: number, isFinal = false): Head => ({ name, seq, hash: `hash of ${name}#${seq}`, position: seq, isFinal });
const known = (path: string) => [...(readHeadLog(path)?.heads.values() ?? [])].map(({ name, seq }) => `${name}#${seq}`);

function begun(heads: readonly Head[] = []) {
  const path = temporaryFile();
  const log = new HeadLog(path, 'journal');
  log.rewrite(heads, 0);
  onTestFinished(() => log.close());
  return { path, log };
}

describe('the log of heads', () => {
  it('knows the last head of each stream, and none of a stream that is gone', () => {
    const { path, log } = begun([head('a', 1), head('b', 1)]);
    log.append([head('a', 2), head('c"\n', 1)]);
    log.append([head('b', 0)]);
    expect(known(path)).toEqual(['a#2', 'c"\n#1']);
    expect(readHeadLog(path)).toMatchObject({ journalId: 'journal', position: 2 });
  });

  it('gives no position again that was ever given', () => {
    const { path, log } = begun();
    log.append([head('a', 70)]);
    log.append([{ ...head('a', 0), position: 0 }]);
    expect(readHeadLog(path)?.position).toBe(70);
    log.compact(true);
    expect(readHeadLog(path)?.position).toBe(70);
  });

  it('passes over a line that is torn, damaged or something else', () => {
    const { path, log } = begun([head('a', 1), head('b', 1)]);
    log.append([head('a', 2)]);
    log.append([head('b', 2)]);
    flipBitIn(path, 'hash of a#2');
    appendFileSync(path, 'something else\n0123');
    expect(known(path)).toEqual(['a#1', 'b#2']);
  });

  it('goes on after a torn line without being glued to it', () => {
    const { path } = begun([head('a', 1)]);
    appendFileSync(path, '01234567 ["b"');
    const log = new HeadLog(path, 'journal');
    onTestFinished(() => log.close());
    log.goOn([head('a', 1)], 1);
    log.append([head('a', 2)]);
    expect(known(path)).toEqual(['a#2']);
  });

  it('is written anew when it has grown much beyond what it says, without the streams that have ended', () => {
    const { path, log } = begun([head('a', 1)]);
    for (let seq = 2; !log.hasGrown; seq++) log.append([head('a', seq), head(`done-${seq}`, 1, true)]);
    const before = statSync(path).size;
    log.compact(false);
    expect(statSync(path).size).toBeLessThan(before);
    expect(known(path).filter((name) => name.startsWith('done-')).length).toBeGreaterThan(1_000);
    log.compact(true);
    expect(statSync(path).size).toBeLessThan(before / 1_000);
    expect(known(path)).toHaveLength(1);
    expect(log.hasGrown).toBe(false);
  });

  it.each(['', 'garbage', '00000000 ["swarmchart-heads",1,"journal",0]\n'])('is none when it begins with %j', (text) => {
    const { path } = begun();
    writeFileSync(path, text);
    expect(readHeadLog(path)).toBeUndefined();
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});
