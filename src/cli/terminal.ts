/** What the command line has of the world: its streams, its surroundings, its signals. Tests give one of their own. */

import { Console } from 'node:console';
import type { Writable } from 'node:stream';
import type { Signal } from './outcome.ts';

export interface Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  /** Listens until the returned function is called; without a listener a signal ends the process. */
  onSignal(listener: (signal: Signal) => void): () => void;
  /** Hears of what user code threw where nobody could catch it. `isRejection`: a promise that nobody handled. */
  onStray(listener: (thrown: unknown, isRejection: boolean) => void): () => void;
}

/** A stream that may be slow or closed by its reader: a reader that has left is no error. */
export class Output {
  readonly stream: Writable;
  readonly isTTY: boolean;
  #isClosed = false;
  #failure: Error | undefined;
  #release = Promise.withResolvers<void>();

  constructor(stream: Writable & { readonly isTTY?: boolean }) {
    this.stream = stream;
    this.isTTY = stream.isTTY === true;
    const wake = (): void => {
      const { resolve } = this.#release;
      this.#release = Promise.withResolvers();
      resolve();
    };
    stream.on('drain', wake);
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#isClosed = true;
      if (error.code !== 'EPIPE') this.#failure = error;
      wake();
    });
  }

  /** Why it cannot be written, when that is not its reader's choice. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Resolves when there is room for more. */
  async write(text: string): Promise<void> {
    if (this.#isClosed) return;
    const released = this.#release.promise;
    if (!this.stream.write(text)) await released;
  }

  line(text: string): Promise<void> {
    return this.write(`${text}\n`);
  }

  /** Resolves when everything has been handed on, or never will be. */
  flush(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => void this.stream.write('', () => resolve()));
  }
}

/** The process that this is. From now on `console` writes to stderr: stdout carries results and nothing else. */
export function processTerminal(): Terminal {
  globalThis.console = new Console({ stdout: process.stderr, stderr: process.stderr });
  return {
    stdout: new Output(process.stdout),
    stderr: new Output(process.stderr),
    env: process.env,
    cwd: process.cwd(),
    onSignal(listener) {
      const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
      for (const signal of signals) process.on(signal, listener);
      return () => {
        for (const signal of signals) process.off(signal, listener);
      };
    },
    onStray(listener) {
      const hear = (thrown: unknown, origin: string): void => listener(thrown, origin === 'unhandledRejection');
      process.on('uncaughtException', hear);
      return () => void process.off('uncaughtException', hear);
    },
  };
}

const EXIT_GRACE_MS = 500;

/** Work that ignored its abort signal must not keep the process alive once the command is over. */
export function leaveSoon(exitCode: number): void {
  setTimeout(() => process.exit(exitCode), EXIT_GRACE_MS).unref();
}
