/** Progress as lines, for logs and pipes. Many steps are counted rather than listed. */

import type { Output } from '../terminal.ts';
import type { Board } from './board.ts';
import type { News } from './news.ts';
import type { Progress } from './progress.ts';

/** Up to so many steps and tasks each get their lines. */
export const MOST_LISTED = 30;

const ROUTINE: ReadonlySet<News['kind']> = new Set(['started', 'completed', 'skipped', 'cancelled', 'falling back', 'undone']);

/** Whether there is room for this piece of news: where many are known of, only what is out of the ordinary is shown. */
export const isListed = ({ known }: Board, { kind }: News): boolean => known <= MOST_LISTED || !ROUTINE.has(kind);

const TENTHS = 10;

export class PlainProgress implements Progress {
  readonly #output: Pick<Output, 'line' | 'flush'>;
  readonly #board: Board;
  #shownTenths = 0;

  constructor(output: Pick<Output, 'line' | 'flush'>, board: Board) {
    this.#output = output;
    this.#board = board;
  }

  tell(news: News): void {
    const { kind, label, detail } = news;
    if (isListed(this.#board, news)) this.note(`${kind.padEnd(9)} ${label}${detail === '' ? '' : `  ${detail}`}`);
    if (this.#board.known > MOST_LISTED) this.#count();
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
