/** Progress as lines without times, for logs and pipes. Many steps are counted rather than listed. */

import type { Output } from '../terminal.ts';
import type { Progress } from './progress.ts';
import type { StepBoard, StepNews } from './step-board.ts';

/** Up to so many steps each get their lines. */
export const MOST_LISTED = 30;

const TENTHS = 10;

export class PlainProgress implements Progress {
  readonly #output: Output;
  readonly #board: StepBoard;
  #shownTenths = 0;

  constructor(output: Output, board: StepBoard) {
    this.#output = output;
    this.#board = board;
  }

  tell(news: StepNews): void {
    const { kind, stepId, detail } = news;
    const isListed = this.#board.total <= MOST_LISTED || kind === 'failed' || kind === 'retrying' || kind === 'waiting';
    if (isListed) this.note(`${kind.padEnd(9)} ${stepId}${detail === '' ? '' : `  ${detail}`}`);
    if (this.#board.total > MOST_LISTED) this.#count();
  }

  note(text: string): void {
    void this.#output.line(text);
  }

  stop(): Promise<void> {
    return this.#output.flush();
  }

  #count(): void {
    const tenths = Math.floor((this.#board.ended * TENTHS) / this.#board.total);
    if (tenths <= this.#shownTenths) return;
    this.#shownTenths = tenths;
    this.note(this.#board.summary());
  }
}
