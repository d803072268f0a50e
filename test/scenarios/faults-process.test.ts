/** Faults 1, 2, 11 and 12: the process of a durable runtime dies, or is asked to end. */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readJournal } from '../../src/index.ts';
import { violations } from '../../src/testing/testing.ts';

const PROGRAM = fileURLToPath(new URL('mortal.ts', import.meta.url));

let folder: string;
let journal: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'swarmchart-mortal-'));
  journal = join(folder, 'journal.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

class Mortal {
  readonly lines: string[] = [];
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #end: Promise<string | number | null>;
  #news = Promise.withResolvers<void>();
  #isOver = false;

  constructor(what = '') {
    this.#child = spawn(process.execPath, [PROGRAM, journal, what], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'swarmchart-crash-cache') },
    });
    const lines = createInterface({ input: this.#child.stdout });
    lines.on('line', (line) => {
      this.lines.push(line);
      this.#announce();
    });
    const closed = new Promise((resolve) => lines.once('close', resolve));
    this.#end = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => void closed.then(() => resolve(signal ?? code)));
    });
    void this.#end.then(() => {
      this.#isOver = true;
      this.#announce();
    });
  }

  /** The rest of the first line that begins so. */
  async said(beginning: string): Promise<string> {
    for (;;) {
      const line = this.lines.find((each) => each.startsWith(beginning));
      if (line !== undefined) return line.slice(beginning.length);
      if (this.#isOver) throw new Error(`It ended and did not say "${beginning}", but: ${this.lines.join('; ')}`);
      await this.#news.promise;
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  tell(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Its exit code, or the signal that ended it. */
  ended(): Promise<string | number | null> {
    return this.#end;
  }

  get effects(): readonly string[] {
    return this.lines.filter((line) => line.startsWith('effect '));
  }

  #announce(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}

const A = 'effect a mortal/a/1';
const B = 'effect b mortal/b/1';
const C = 'effect c mortal/c/1';

/** The next life is left alone: what it did, and that the journal is whole afterwards. */
async function restOfIt(): Promise<readonly string[]> {
  const next = new Mortal();
  expect(await next.ended()).toBe(0);
  expect(next.lines.at(-1)).toBe('result completed c');
  const reader = await readJournal(journal);
  expect(violations(await reader.read('mortal'))).toEqual([]);
  for await (const { problem } of reader.verify()) expect(problem).toBeUndefined();
  await reader.close();
  return next.effects;
}

describe('the process of a durable runtime', () => {
  it('1 · kill -9 anywhere: it goes on after the last commit', async () => {
    const mortal = new Mortal('hang');
    await mortal.said('effect b');
    mortal.signal('SIGKILL');
    expect(await mortal.ended()).toBe('SIGKILL');
    expect(mortal.effects).toEqual([A, B]);
    expect(await restOfIt()).toEqual([B, C]);
  });

  it('2 · kill between an effect and its commit: the effect happens again with the same key, and then once in the journal', async () => {
    for (let life = 0; life < 3; life++) {
      const mortal = new Mortal('suicide');
      expect(await mortal.ended()).toBe('SIGKILL');
      expect(mortal.effects).toEqual(life === 0 ? [A, B] : [B]);
    }
    expect(await restOfIt()).toEqual([B, C]);
  });

  it('11 · SIGTERM: what is at work finishes and is committed, nothing new begins, and the log is moved into the database', async () => {
    const mortal = new Mortal('finish');
    await mortal.said('effect b');
    mortal.signal('SIGTERM');
    await mortal.said('draining');
    mortal.tell('go on');
    expect(await mortal.ended()).toBe(0);
    expect(mortal.effects).toEqual([A, B]);
    expect(existsSync(`${journal}-wal`)).toBe(false);
    expect(await restOfIt()).toEqual([C]);
  });

  it('11 · a second SIGTERM: it ends at once, and what was at work is done again with the same key', async () => {
    const mortal = new Mortal('hang');
    await mortal.said('effect b');
    mortal.signal('SIGTERM');
    await mortal.said('draining');
    mortal.signal('SIGTERM');
    expect(await mortal.ended()).toBe(143);
    expect(await restOfIt()).toEqual([B, C]);
  });
});

describe('12 · processes that its tools have started', () => {
  const isAlive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };
  /** Its number disappears once whoever inherits it has taken note of its end. */
  const gone = async (pid: number): Promise<void> => {
    while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve));
  };

  it('12 · die with it when it ends in order', async () => {
    const mortal = new Mortal('child');
    const pid = Number(await mortal.said('child '));
    mortal.signal('SIGTERM');
    await mortal.said('draining');
    mortal.signal('SIGTERM');
    expect(await mortal.ended()).toBe(143);
    await gone(pid);
  });

  it('12 · outlive a kill -9 of it, unless the platform binds them to it', async () => {
    const kinds = existsSync('/usr/bin/setpriv') ? (['child', 'bound'] as const) : (['child'] as const);
    for (const kind of kinds) {
      const mortal = new Mortal(kind);
      const pid = Number(await mortal.said('child '));
      mortal.signal('SIGKILL');
      expect(await mortal.ended()).toBe('SIGKILL');
      if (kind === 'bound') await gone(pid);
      else {
        expect(isAlive(pid)).toBe(true);
        process.kill(pid, 'SIGKILL');
        await gone(pid);
      }
    }
    expect(await restOfIt()).toEqual([B, C]);
  });
});
