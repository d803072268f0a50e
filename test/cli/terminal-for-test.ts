/** A terminal that remembers, a folder to work in, and the command line run in this process. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { main } from '../../src/cli/main.ts';
import type { Signal } from '../../src/cli/outcome.ts';
import { Output, type Terminal } from '../../src/cli/terminal.ts';

export class Recorder extends Writable {
  text = '';
  readonly isTTY: boolean;
  readonly columns = 120;
  #onText: (text: string) => void = () => {};

  constructor(isTTY = false) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  override _write(chunk: string | Buffer, _: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    this.#onText(this.text);
    done();
  }

  /** Resolves when something more has been written. */
  heard(): Promise<void> {
    return new Promise((resolve) => {
      this.#onText = () => resolve();
    });
  }

  /** Resolves when this has been written. */
  saw(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#onText = (all) => all.includes(text) && resolve();
      this.#onText(this.text);
    });
  }
}

export class FakeTerminal implements Terminal {
  readonly out: Recorder;
  readonly err: Recorder;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly #signals = new Set<(signal: Signal) => void>();
  readonly #strays = new Set<(thrown: unknown, isRejection: boolean) => void>();

  constructor(
    cwd: string,
    { isTTY = false, env = {} }: { readonly isTTY?: boolean; readonly env?: Readonly<Record<string, string>> } = {},
  ) {
    this.cwd = cwd;
    this.env = env;
    this.out = new Recorder();
    this.err = new Recorder(isTTY);
    this.stdout = new Output(this.out);
    this.stderr = new Output(this.err);
  }

  onSignal(listener: (signal: Signal) => void): () => void {
    this.#signals.add(listener);
    return () => this.#signals.delete(listener);
  }

  onStray(listener: (thrown: unknown, isRejection: boolean) => void): () => void {
    this.#strays.add(listener);
    return () => this.#strays.delete(listener);
  }

  signal(signal: Signal): void {
    for (const listener of this.#signals) listener(signal);
  }

  stray(thrown: unknown, isRejection: boolean): void {
    for (const listener of this.#strays) listener(thrown, isRejection);
  }
}

export class Workspace implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'swarmchart-cli-'));

  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  remove(path: string): void {
    rmSync(join(this.folder, path));
  }

  start(...argv: readonly string[]): { readonly terminal: FakeTerminal; readonly exitCode: Promise<number> } {
    const terminal = new FakeTerminal(this.folder);
    return { terminal, exitCode: main(argv, terminal) };
  }

  async run(...argv: readonly string[]): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }> {
    const { terminal, exitCode } = this.start(...argv);
    return { exitCode: await exitCode, stdout: terminal.out.text, stderr: terminal.err.text };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Lines of JSON, each parsed. */
export const parseLines = (text: string): readonly Record<string, unknown>[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

export const GREETING = `id: greeting
input:
  name: { type: string }
  times: { type: number, default: 1 }
  tags: { type: array, default: [] }
steps:
  - { id: greet, tool: echo, parameters: { message: "Good morning, {{name}}" } }
  - { id: again, tool: echo, parameters: { message: "\${greet.result}!" } }
`;

/** Tools without any import, so that a plain Node can load them. */
export const CONFIG = `
const never = (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
let calls = 0;
export default { tools: [
  { name: 'hang', run: (_, { signal, log }) => { log.warn({}, 'hanging'); return never(signal); } },
  { name: 'deaf', run: (_, { log }) => { log.warn({}, 'hanging'); return new Promise(() => setInterval(() => {}, 1000)); } },
  { name: 'fail', run: () => { throw new Error('out of paper\\n\\u001b[31mred'); } },
  { name: 'fail-twice', run: () => { calls += 1; if (calls < 3) throw new Error('not yet'); return calls; } },
  { name: 'describe', run: (input) => ({ input, list: [1, 2] }) },
  { name: 'linger', run: () => { setInterval(() => {}, 1000); return 'enough'; } },
  { name: 'print', run: () => { console.log('from console'); return 'printed'; } },
  { name: 'throw-late', run: () => { setTimeout(() => { throw new Error('from a timer'); }); return new Promise(() => {}); } },
  { name: 'reject-late', run: () => { void Promise.reject(new Error('lost')); return 1; } },
  { name: 'chat', run: (_, { log }) => { log.info({ size: 3 }, 'quiet'); log.warn({ size: 3 }, 'loud'); return null; } },
] };
`;

export const oneStep = (tool: string, more = ''): string => `id: one\nsteps:\n  - { id: only, tool: ${tool}${more} }\n`;
