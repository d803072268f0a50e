/** The command line as a process of its own. */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Workspace } from './terminal-for-test.ts';

const SCRIPT = fileURLToPath(new URL('swarmchart-for-test.ts', import.meta.url));

export class Command {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = '';
  stderr = '';
  #onStderr: () => void = () => {};
  readonly #closed: Promise<unknown[]>;

  constructor(folder: Workspace, argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [SCRIPT, ...argv], { cwd: folder.folder, env: { ...process.env, ...env } });
    this.#closed = once(this.child, 'close');
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#onStderr();
    });
  }

  /** Rejects when the command ends without having said so. */
  saw(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onStderr = () => this.stderr.includes(text) && resolve();
      this.child.once('close', () => reject(new Error(`"${text}" was never seen in:\n${this.stderr}`)));
      this.#onStderr();
    });
  }

  async exitCode(): Promise<number | string> {
    const [code, signal] = (await this.#closed) as [number | null, string | null];
    return code ?? signal ?? 'unknown';
  }
}
