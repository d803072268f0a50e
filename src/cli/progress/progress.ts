/** Shows on stderr how a run goes: live on a terminal, as plain lines anywhere else. */

import type { Logger } from '../../actors/tool.ts';
import { oneLine } from '../outcome.ts';
import type { Terminal } from '../terminal.ts';
import type { Board } from './board.ts';
import { LiveProgress } from './live-progress.ts';
import type { News } from './news.ts';
import { PlainProgress } from './plain-progress.ts';

export interface Progress {
  /** A step, a task or an agent has news; the board holds them already. */
  tell(news: News): void;
  /** Something that must be seen. */
  note(text: string): void;
  /** Leaves the terminal as it was. Nothing is shown afterwards. */
  stop(): Promise<void>;
}

/** `ownsStdout`: nothing else is written to stdout while this lives, so that a terminal can be drawn upon. */
export function showProgress(terminal: Terminal, board: Board, ownsStdout: boolean): Progress {
  const { stderr, stdout, env } = terminal;
  const isPlain = !stderr.isTTY || isSet(env['CI']) || env['TERM'] === 'dumb' || (stdout.isTTY && !ownsStdout);
  return isPlain ? new PlainProgress(stderr, board) : new LiveProgress(terminal, board);
}

const isSet = (value: string | undefined): boolean => value !== undefined && value !== '' && value !== '0' && value !== 'false';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** What tools and the runtime log, as notes: warnings and errors, or everything. */
export function logTo(note: (text: string) => void, isVerbose: boolean): Logger {
  const write = (level: (typeof LEVELS)[number]) => (given: object | string, text?: string) => {
    if (!isVerbose && level !== 'warn' && level !== 'error') return;
    // A configuration is not type-checked: tools also log a text alone.
    const [fields, message] = typeof given === 'string' ? [{}, given] : [given, text];
    const details = Object.entries(fields).map(([key, value]) => `${key}=${printField(value)}`);
    note(oneLine([`${level}:`, ...(message === undefined ? [] : [message]), ...details].join(' ')));
  };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

function printField(value: unknown): string {
  if (value instanceof Error) return value.message;
  try {
    return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  } catch {
    return Object.prototype.toString.call(value);
  }
}
