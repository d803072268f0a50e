/**
 * `--timeout`, on the clock of whoever looks on. The runtime keeps the limit of an execution too, and does not count the time in which all of it
 * waits: so this one counts only for what has waited.
 */
export class Deadline {
  readonly #ms: number | undefined;
  readonly #expire: (reason: string) => void;
  readonly #timer: NodeJS.Timeout | undefined;
  #isDue = false;
  #hasWaited = false;
  #hasExpired = false;

  /** Calls `expire` once, when the time is up for a run that has waited by then or waits later. */
  constructor(ms: number | undefined, expire: (reason: string) => void) {
    this.#ms = ms;
    this.#expire = expire;
    if (ms === undefined) return;
    this.#timer = setTimeout(() => {
      this.#isDue = true;
      this.#check();
    }, ms);
  }

  get hasExpired(): boolean {
    return this.#hasExpired;
  }

  /** The run waits. */
  waits(): void {
    this.#hasWaited = true;
    this.#check();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #check(): void {
    if (!this.#isDue || !this.#hasWaited || this.#hasExpired) return;
    this.#hasExpired = true;
    this.#expire(`${this.#ms} ms have passed`);
  }
}
