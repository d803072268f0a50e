/** What a crashing process has told before it died: each line is written before anything follows from it, and outlives the process. */

import { existsSync, openSync, readFileSync } from 'node:fs';
import { appendUnseen } from './assassin.ts';

export type Line =
  /** A life begins. What follows, until the next one, is of this life. */
  | { readonly what: 'born' }
  /** A tool acts on the outside. */
  | { readonly what: 'effect'; readonly key: string; readonly execution: string; readonly step: string; readonly attempt: number }
  /** The journal has said that a stream is committed up to a number; `ended` are the executions whose end is among it. */
  | { readonly what: 'committed'; readonly stream: string; readonly seq: number; readonly ended: readonly string[] }
  /** A command was answered with true. `fact` is what must tell of it. */
  | { readonly what: 'accepted'; readonly execution: string; readonly fact: string }
  /** A result was handed out. */
  | { readonly what: 'result'; readonly execution: string; readonly status: string; readonly result: unknown; readonly credits: string };

export class Ledger {
  readonly #file: number;
  readonly #told: (line: Line) => void;

  /** @param told Called once a line is written. */
  constructor(path: string, told: (line: Line) => void) {
    this.#file = openSync(path, 'a');
    this.#told = told;
  }

  write(line: Line): void {
    appendUnseen(this.#file, `${JSON.stringify(line)}\n`);
    this.#told(line);
  }
}

export const readLedger = (path: string): readonly Line[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Line)
    : [];
