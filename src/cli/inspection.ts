/** `--inspect` and `--inspect-wait`: a runtime's actors, live in a browser. */

import type { Inspector } from '../inspect/start-inspector.ts';
import type { Signal } from './outcome.ts';
import type { Terminal } from './terminal.ts';

export interface InspectFlags {
  readonly inspect?: boolean;
  readonly inspectWait?: boolean;
}

export class Inspection implements AsyncDisposable {
  readonly #inspector: Inspector | undefined;
  readonly #terminal: Terminal;
  readonly #waits: boolean;
  #isOffered = false;

  /** Without the flags it is of no effect, and the server is not even loaded. */
  static async start({ inspect = false, inspectWait = false }: InspectFlags, terminal: Terminal): Promise<Inspection> {
    if (!inspect && !inspectWait) return new Inspection(undefined, terminal, false);
    const { startInspector } = await import('../inspect/start-inspector.ts');
    return new Inspection(await startInspector(), terminal, inspectWait);
  }

  private constructor(inspector: Inspector | undefined, terminal: Terminal, waits: boolean) {
    this.#inspector = inspector;
    this.#terminal = terminal;
    this.#waits = waits;
  }

  /** For `createRuntime`. */
  get options(): { readonly inspect?: Inspector['inspect'] } {
    return this.#inspector ? { inspect: this.#inspector.inspect } : {};
  }

  /** Says where to look, and waits for whoever is to look. Resolves with a signal when that came first: then nothing is to be run. */
  async ready(): Promise<Signal | undefined> {
    if (!this.#inspector) return undefined;
    this.#isOffered = true;
    const { stderr } = this.#terminal;
    await stderr.line(`inspect: ${this.#inspector.url}`);
    if (!this.#waits) return undefined;
    const stopped = Promise.withResolvers<Signal>();
    const deaf = this.#terminal.onSignal((signal) => stopped.resolve(signal));
    try {
      await stderr.line('waiting until the inspector is open in a browser; Ctrl-C gives up');
      return (await Promise.race([this.#inspector.watched(), stopped.promise])) ?? undefined;
    } finally {
      deaf();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#inspector) return;
    const isUnwatched = this.#inspector.vitals.viewers === 0;
    await this.#inspector.stop();
    if (this.#isOffered && !this.#waits && isUnwatched) {
      await this.#terminal.stderr.line('inspect: nobody watches; with --inspect-wait a run starts once somebody does');
    }
  }
}
