/**
 * Progress as rows on a terminal: one for the run as a whole and one for each step that has begun.
 *
 * listr2 wants to know its tasks beforehand, while steps begin when they can: so its tasks are empty rows without a title, which are not
 * shown, and a step takes the next one. The command's exit code never comes from here.
 */

import { DefaultRenderer, Listr, ListrLogger, type ListrTaskWrapper, ProcessOutput } from 'listr2';
import { printDuration } from '../outcome.ts';
import type { Terminal } from '../terminal.ts';
import type { Board } from './board.ts';
import type { News } from './news.ts';
import { isListed, MOST_LISTED } from './plain-progress.ts';
import type { Progress } from './progress.ts';

/** listr2 asks whether stdout is a terminal; this one draws on stderr, and whoever makes it has asked about that. */
class StderrRenderer extends DefaultRenderer {
  static override nonTTY = true;
}

type Task = Pick<ListrTaskWrapper<object, typeof StderrRenderer, typeof StderrRenderer>, 'title' | 'skip'>;

interface Row {
  readonly task: Task;
  readonly finish: (failure?: Error) => void;
}

const REFRESH_MS = 200;

const FINAL: ReadonlySet<News['kind']> = new Set(['completed', 'failed', 'skipped', 'cancelled', 'restarted', 'undone', 'not undone']);

export class LiveProgress implements Progress {
  readonly #board: Board;
  readonly #terminal: Terminal;
  readonly #free: Row[] = [];
  readonly #taken = new Map<string, Row>();
  readonly #rows: Row[] = [];
  readonly #listing: Promise<unknown>;
  readonly #notes: string[] = [];
  readonly #waiting: News[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #startedAt = performance.now();
  readonly #opened = Promise.withResolvers<void>();
  readonly #length: number;
  #overview: Row | undefined;
  #isOpen = false;
  #isStopped = false;

  constructor(terminal: Terminal, board: Board) {
    this.#board = board;
    this.#terminal = terminal;
    const { stderr, stdout } = terminal;
    // What user code writes meanwhile to the same screen is held back; what it writes to a pipe is none of a renderer's business.
    const output = new ProcessOutput(stderr.stream as NodeJS.WriteStream, (stdout.isTTY ? stdout : stderr).stream as NodeJS.WriteStream);
    // A swarm's tasks are not known yet, nor are runs within runs: rows that nobody needs are not drawn.
    this.#length = 1 + MOST_LISTED;
    const tasks = Array.from({ length: this.#length }, () => ({ task: (_: object, task: Task) => this.#open(task) }));
    const listr = new Listr<object, typeof StderrRenderer, typeof StderrRenderer>(tasks, {
      concurrent: true,
      exitOnError: false,
      registerSignalListeners: false,
      renderer: StderrRenderer,
      rendererOptions: {
        logger: new ListrLogger({ processOutput: output, useIcons: true, toStderr: [] }),
        formatOutput: 'truncate',
        collapseSkips: true,
      },
    });
    this.#listing = listr.run();
    this.#timer = setInterval(() => this.#refresh(), REFRESH_MS);
  }

  tell(news: News): void {
    // Its rows open a moment after it is made.
    if (!this.#isOpen) this.#waiting.push(news);
    else this.#show(news);
  }

  note(text: string): void {
    this.#notes.push(text);
    this.#refresh();
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    clearInterval(this.#timer);
    // A run can be over before the rows are open.
    await Promise.race([this.#opened.promise, this.#listing]);
    this.#refresh();
    this.#overview?.finish(this.#board.fatal && new Error(this.#overview.task.title));
    for (const { task } of this.#taken.values()) if (typeof task.title === 'string') task.skip(task.title);
    for (const row of this.#rows) row.finish();
    await this.#listing;
    for (const note of this.#notes) await this.#terminal.stderr.line(note);
  }

  #open(task: Task): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const row: Row = { task, finish: (failure) => (failure ? reject(failure) : resolve()) };
    this.#rows.push(row);
    if (this.#overview) this.#free.push(row);
    else {
      this.#overview = row;
      this.#refresh();
    }
    if (this.#rows.length === this.#length) {
      this.#isOpen = true;
      for (const news of this.#waiting) this.#show(news);
      this.#opened.resolve();
    }
    return promise;
  }

  #refresh(): void {
    if (!this.#overview) return;
    const latest = this.#notes.at(-1);
    const elapsed = printDuration(performance.now() - this.#startedAt);
    this.#overview.task.title = `${this.#board.summary()}  ${elapsed}${latest === undefined ? '' : `  · ${latest}`}`;
  }

  #show(news: News): void {
    const { kind, key, label, detail } = news;
    if (kind === 'planned' || kind === 'replanning') return;
    const row = this.#taken.get(key) ?? (isListed(this.#board, news) ? this.#free.shift() : undefined);
    if (!row) return;
    this.#taken.set(key, row);
    const story = kind === 'started' || kind === 'completed' ? detail : [kind, detail].filter(Boolean).join(': ');
    row.task.title = story === '' ? label : `${label}  ${story}`;
    if (kind === 'skipped' || kind === 'cancelled') row.task.skip(`${label}  ${kind}: ${detail}`);
    if (!FINAL.has(kind)) return;
    row.finish(kind === 'failed' || kind === 'not undone' ? new Error(`${label}  ${detail}`) : undefined);
    this.#taken.delete(key);
  }
}
