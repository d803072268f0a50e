/**
 * One child process as the leader of its own process group, and the certain end of that group.
 *
 *   running → (SIGTERM → grace → SIGKILL) → exited → closed
 *
 * Whoever is left in the group when the leader, or this process, exits is killed; but of a SIGKILL of this process nobody there hears. A
 * grandchild that left the group and still holds the output open delays `closed` by the grace period at most.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { SwarmchartError } from '../machines/protocol/errors.ts';
import { environmentFor, PROCESS_DEFAULTS, type ProcessOptions } from './process-options.ts';

const IS_WINDOWS = process.platform === 'win32';

/** Groups that would otherwise outlive this process, because a terminal's signals do not reach them. */
const living = new Set<ProcessGroup>();
const killTheLiving = (): void => {
  for (const group of living) group.kill();
};

export class ProcessGroup {
  /** Settles when the leader has exited and its pipes are closed. Never rejects. */
  readonly closed: Promise<void>;
  /** Why the group was ended from outside, or why it could not start. */
  failure: SwarmchartError | undefined;

  readonly #argv: readonly string[];
  readonly #options: ProcessOptions;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #graceMs: number;
  #stderr: Buffer = Buffer.alloc(0);
  #isReaderBusy = false;
  #isOutputRead = false;
  #arePipesGivenUp = false;
  #killTimer: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;

  /** Throws when the process cannot even be attempted, for example for a NUL byte in an argument. */
  constructor(argv: readonly string[], options: ProcessOptions) {
    this.#argv = argv;
    this.#options = options;
    this.#graceMs = options.graceMs ?? PROCESS_DEFAULTS.graceMs;
    this.#child = launch(argv, options);
    this.#child.stderr.on('data', (chunk: Buffer) => this.#keepStderr(chunk));
    this.#enlist();
    this.closed = this.#watch();
    if (options.timeoutMs !== undefined) this.#deadline = setTimeout(() => this.#timeOut(), options.timeoutMs);
    options.signal?.addEventListener('abort', this.#cancel, { once: true });
  }

  /** What the process writes to stdout. While a chunk is being consumed, the process waits. */
  async *output(): AsyncGenerator<Buffer, void, void> {
    try {
      for await (const chunk of this.#child.stdout) {
        this.#isReaderBusy = true;
        yield chunk as Buffer;
        this.#isReaderBusy = false;
        this.#silence?.refresh();
      }
      this.#isOutputRead = true;
    } catch (error) {
      // A pipe that was given up on reports a premature close, which is not news.
      if (!this.#arePipesGivenUp) throw error;
      this.#isOutputRead = true;
    }
  }

  /** Asks the whole group to end, and kills it after the grace period. The first reason given is the one reported. */
  end(reason?: SwarmchartError): void {
    this.failure ??= reason;
    if (this.#hasExited()) this.#giveUpPipes();
    else if (!this.#killTimer) {
      this.#signalGroup('SIGTERM');
      this.#killTimer = setTimeout(() => this.kill(), this.#graceMs);
    }
  }

  /** At once, without grace. */
  kill(): void {
    if (!this.#hasExited()) this.#signalGroup('SIGKILL');
  }

  /** For a reader that is done: ends the group unless all output was read. */
  leaveOutput(): void {
    if (this.#isOutputRead) return;
    this.end();
    this.#giveUpPipes();
  }

  /** Call after `closed`. Throws unless the process ended by itself with an accepted exit code. */
  settle(): { exitCode: number; stderr: string } {
    if (this.failure) throw this.failure;
    const { exitCode, signalCode } = this.#child;
    const stderr = this.#stderr.toString('utf8').trim();
    const accepted: readonly number[] = this.#options.acceptExitCodes ?? PROCESS_DEFAULTS.acceptExitCodes;
    if (exitCode !== null && accepted.includes(exitCode)) return { exitCode, stderr };
    const how = signalCode ? `was ended by ${signalCode}` : `failed with exit code ${exitCode}`;
    throw new SwarmchartError('PROCESS_FAILED', `${commandLine(this.#argv)} ${how}${stderr && `: ${stderr}`}`, {
      context: { argv: this.#argv, exitCode, signal: signalCode, stderr },
    });
  }

  async #watch(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#child.once('error', (error) => {
      this.failure ??= launchFailure(this.#argv, this.#options, error);
      if (this.#child.pid !== undefined) return;
      this.#giveUpPipes();
      resolve();
    });
    this.#child.once('exit', () => {
      this.#signalGroup('SIGKILL');
      if (this.failure) this.#giveUpPipes();
      else this.#silence = setTimeout(() => this.#endSilence(), this.#graceMs);
    });
    this.#child.once('close', () => resolve());
    await promise;
    this.#release();
  }

  #endSilence(): void {
    if (this.#isReaderBusy) this.#silence?.refresh();
    else this.#giveUpPipes();
  }

  #giveUpPipes(): void {
    this.#arePipesGivenUp = true;
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
  }

  #enlist(): void {
    if (living.size === 0) process.on('exit', killTheLiving);
    living.add(this);
  }

  #release(): void {
    living.delete(this);
    if (living.size === 0) process.off('exit', killTheLiving);
    for (const timer of [this.#killTimer, this.#deadline, this.#silence]) clearTimeout(timer);
    this.#silence = undefined;
    this.#options.signal?.removeEventListener('abort', this.#cancel);
  }

  readonly #cancel = (): void => this.end(cancelled(this.#argv, this.#options.signal));

  #timeOut(): void {
    this.end(new SwarmchartError('STEP_TIMEOUT', `${commandLine(this.#argv)} did not end within ${this.#options.timeoutMs} ms`));
  }

  #keepStderr(chunk: Buffer): void {
    this.#stderr = Buffer.concat([this.#stderr, chunk]).subarray(-(this.#options.maxStderrBytes ?? PROCESS_DEFAULTS.maxStderrBytes));
  }

  #hasExited(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #signalGroup(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    if (IS_WINDOWS) {
      this.#child.kill(signal);
      return;
    }
    try {
      process.kill(-pid, signal);
    } catch (error) {
      // ESRCH: nobody is left. EPERM: macOS says so of a group whose members are all zombies.
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'ESRCH' && code !== 'EPERM') throw error;
    }
  }
}

export function cancelled(argv: readonly string[], signal: AbortSignal | undefined): SwarmchartError {
  return new SwarmchartError('CANCELLED', `${commandLine(argv)} was cancelled`, { cause: signal?.reason });
}

/** The command as a person would type it, shortened. For messages only. */
export function commandLine(argv: readonly string[]): string {
  const line = argv.map((word) => (/^[\w@%+=:,./~^-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
  return `\`${line.length > 300 ? `${line.slice(0, 300)}…` : line}\``;
}

function launch(argv: readonly string[], options: ProcessOptions): ChildProcessByStdio<null, Readable, Readable> {
  const [program = '', ...args] = argv;
  try {
    return spawn(program, args, {
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      env: environmentFor(options),
      detached: !IS_WINDOWS,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
  } catch (error) {
    throw launchFailure(argv, options, error as NodeJS.ErrnoException);
  }
}

function launchFailure(argv: readonly string[], options: ProcessOptions, error: NodeJS.ErrnoException): SwarmchartError {
  const context = { argv };
  if (error.code !== 'ENOENT') {
    return new SwarmchartError('PROCESS_FAILED', `${commandLine(argv)} could not be started: ${error.message}`, { cause: error, context });
  }
  if (options.cwd !== undefined && !existsSync(options.cwd)) {
    const message = `${commandLine(argv)} could not be started: there is no folder ${options.cwd}`;
    return new SwarmchartError('PROCESS_FAILED', message, { cause: error, context });
  }
  return new SwarmchartError('PROCESS_NOT_FOUND', `There is no program "${argv[0]}" on the PATH`, { cause: error, context });
}
