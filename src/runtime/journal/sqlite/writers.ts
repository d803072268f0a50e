/** Where the writer lives: in this thread, or in one of its own. Either way it is asked one thing at a time. */

import { Worker } from 'node:worker_threads';
import { type Batch, type Dropping, type Head, StoreError } from '../durable/fact-store.ts';
import { SqliteWriter, type WriterSettings } from './sqlite-writer.ts';
import type { WriterAnswer, WriterRequest } from './writer-thread.ts';

export interface Writer {
  open(): Promise<void>;
  commit(batch: Batch): Promise<void>;
  drop(droppings: readonly Dropping[]): Promise<void>;
  sweep(): Promise<boolean>;
  rewriteHeads(heads: readonly Head[], position: number): Promise<void>;
  close(): Promise<void>;
}

export class WriterHere implements Writer {
  readonly #settings: WriterSettings;
  #writer: SqliteWriter | undefined;

  constructor(settings: WriterSettings) {
    this.#settings = settings;
  }

  async open(): Promise<void> {
    this.#writer = new SqliteWriter(this.#settings);
  }

  async commit(batch: Batch): Promise<void> {
    this.#writer?.commit(batch);
  }

  async drop(droppings: readonly Dropping[]): Promise<void> {
    this.#writer?.drop(droppings);
  }

  async sweep(): Promise<boolean> {
    return this.#writer?.sweep() ?? false;
  }

  async rewriteHeads(heads: readonly Head[], position: number): Promise<void> {
    this.#writer?.rewriteHeads(heads, position);
  }

  async close(): Promise<void> {
    this.#writer?.close();
    this.#writer = undefined;
  }
}

interface Asked {
  readonly resolve: (result: boolean) => void;
  readonly reject: (error: StoreError) => void;
}

/** The thread keeps the process alive while it is asked something, and not otherwise. */
export class WriterInThread implements Writer {
  readonly #settings: WriterSettings;
  #thread: Worker | undefined;
  #asked: Asked | undefined;

  constructor(settings: WriterSettings) {
    this.#settings = settings;
  }

  async open(): Promise<void> {
    this.#thread = this.#startThread();
    await this.#ask({ type: 'open' });
  }

  async commit(batch: Batch): Promise<void> {
    await this.#ask({ type: 'commit', batch });
  }

  async drop(droppings: readonly Dropping[]): Promise<void> {
    await this.#ask({ type: 'drop', droppings });
  }

  sweep(): Promise<boolean> {
    return this.#ask({ type: 'sweep' });
  }

  async rewriteHeads(heads: readonly Head[], position: number): Promise<void> {
    await this.#ask({ type: 'rewriteHeads', heads, position });
  }

  async close(): Promise<void> {
    const thread = this.#thread;
    if (!thread) return;
    try {
      await this.#ask({ type: 'close' });
    } finally {
      this.#thread = undefined;
      await thread.terminate();
    }
  }

  #ask(request: WriterRequest): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (!this.#thread) {
        reject(new StoreError('failed', 'The thread that writes the journal is gone'));
        return;
      }
      this.#asked = { resolve, reject };
      this.#thread.ref();
      this.#thread.postMessage(request);
    });
  }

  #startThread(): Worker {
    // Bundled or not, the thread's file lies beside this one, and has its ending.
    const file = new URL(import.meta.url.endsWith('.ts') ? './writer-thread.ts' : './writer-thread.js', import.meta.url);
    const thread = new Worker(file, { workerData: this.#settings, name: 'swarmchart journal', execArgv: [], env: {} });
    thread.unref();
    thread.on('message', (answer: WriterAnswer) => this.#settle(answer));
    thread.on('error', (error) =>
      this.#settle({ fault: 'failed', message: `The thread that writes the journal has died: ${error.message}` }),
    );
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
      this.#settle({ fault: 'failed', message: 'The thread that writes the journal has ended' });
    });
    return thread;
  }

  #settle(answer: WriterAnswer): void {
    const asked = this.#asked;
    this.#asked = undefined;
    this.#thread?.unref();
    if (!asked) return;
    if ('fault' in answer) asked.reject(new StoreError(answer.fault, answer.message));
    else asked.resolve(answer.result);
  }
}
