/** Time as actors see it. A runtime has one clock; tests and simulations bring a virtual one. */

export interface Clock {
  /** Milliseconds since the epoch; never goes back. */
  now(): number;
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}
