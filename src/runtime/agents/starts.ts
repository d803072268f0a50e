/** Registrations that wait until all of their agents are ready: one promise for each, however many its agents are. */

interface Call {
  left: number;
  error?: Error;
  readonly done: PromiseWithResolvers<void>;
}

export class Starts {
  readonly #calls = new Map<string, Call>();

  /** Rejects with the first failure, when the fate of all is known. */
  begin(ids: readonly string[]): Promise<void> {
    const call: Call = { left: ids.length, done: Promise.withResolvers<void>() };
    for (const id of ids) this.#calls.set(id, call);
    if (ids.length === 0) call.done.resolve();
    return call.done.promise;
  }

  /** Without an error it is ready. Does nothing for one that nobody waits for. */
  ended(id: string, error?: Error): void {
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    if (error) call.error ??= error;
    if (--call.left > 0) return;
    if (call.error) call.done.reject(call.error);
    else call.done.resolve();
  }

  endAll(error: Error): void {
    for (const id of this.#calls.keys()) this.ended(id, error);
  }
}
