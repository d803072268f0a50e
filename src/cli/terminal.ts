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
    onSignal: shared(['SIGINT', 'SIGTERM', 'SIGHUP'], (tell) => (signal: Signal) => tell(signal)),
    onStray: shared(['uncaughtException'], (tell) => (thrown: unknown, origin: string) => tell(thrown, origin === 'unhandledRejection')),
  };
}

/** However many listen, the process has one listener for each event, and none when nobody listens. */
function shared<Args extends readonly unknown[]>(
  events: readonly string[],
  heard: (tell: (...args: Args) => void) => (...args: never[]) => void,
): (listener: (...args: Args) => void) => () => void {
  const listeners = new Set<(...args: Args) => void>();
  const hear = heard((...args) => {
    for (const listener of [...listeners]) listener(...args);
  }) as (...args: unknown[]) => void;
  return (listener) => {
    if (listeners.size === 0) for (const event of events) process.on(event, hear);
    listeners.add(listener);
    return () => {
      if (listeners.delete(listener) && listeners.size === 0) for (const event of events) process.off(event, hear);
    };
  };
}

const EXIT_GRACE_MS = 500;

/** Work that ignored its abort signal must not keep the process alive once the command is over. */
export function leaveSoon(exitCode: number): void {
  setTimeout(() => process.exit(exitCode), EXIT_GRACE_MS).unref();
}
