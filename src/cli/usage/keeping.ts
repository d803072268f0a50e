/** The commands about what is in a journal. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { cancel } from '../commands/cancel.ts';
import { exportStreams } from '../commands/journal-export.ts';
import { listStreams } from '../commands/journal-list.ts';
import { prune } from '../commands/journal-prune.ts';
import { verify } from '../commands/journal-verify.ts';
import { list } from '../commands/list.ts';
import { pause } from '../commands/pause.ts';
import { replay } from '../commands/replay.ts';
import { show } from '../commands/show.ts';
import { STANDINGS } from '../journal/executions.ts';
import type { Terminal } from '../terminal.ts';
import { countOf, positive, withConfig, withDurability, withJournal, withJson } from './options.ts';

type End = (exitCode: number) => void;

const ID = 'the execution; the beginning of its id is enough';

export function addKeeping(program: Command, terminal: Terminal, end: End): void {
  const listing = program
    .command('list')
    .description('list the executions of the journal, the newest last')
    .addOption(new Option('--status <status...>', 'only those that are so').choices(STANDINGS))
    .addOption(new Option('--limit <number>', 'at most so many, the newest').argParser(positive).default(50).conflicts('all'))
    .option('--all', 'every one');
  withJson(withJournal(listing)).action(async (flags) => end(await list(flags, terminal)));

  const showing = program.command('show').description('show where an execution stands').argument('<id>', ID);
  withJson(withJournal(showing)).action(async (id: string, flags) => end(await show(id, flags, terminal)));

  const cancelling = program
    .command('cancel')
    .description('cancel an execution: also one that runs in another process, or that nobody runs')
    .argument('<id>', ID)
    .option('--reason <text>', 'why');
  withJson(withDurability(withConfig(cancelling))).action(async (id: string, flags) => end(await cancel(id, flags, terminal)));

  const pausing = program
    .command('pause')
    .description('pause an execution that runs in another process, which then leaves it in the journal and ends')
    .argument('<id>', ID);
  withJson(withJournal(pausing)).action(async (id: string, flags) => end(await pause(id, flags, terminal)));

  const replaying = program
    .command('replay')
    .description('list the facts of an execution, or show what was true after one of them')
    .argument('<id>', ID)
    .addOption(new Option('--to <seq>', 'number of the fact after which').argParser(positive).conflicts(['from', 'limit']))
    .option('--from <seq>', 'list from this fact', positive)
    .option('--limit <number>', 'at most so many facts', positive);
  withJson(withJournal(replaying)).action(async (id: string, flags) => end(await replay(id, flags, terminal)));

  addJournal(
    program.command('journal').description('check the journal, list and export what is in it, drop what has ended'),
    terminal,
    end,
  );
}

function addJournal(journal: Command, terminal: Terminal, end: End): void {
  const verifying = journal.command('verify').description('hold every fact against what was committed');
  withJson(withJournal(verifying)).action(async (flags) => end(await verify(flags, terminal)));

  const listing = journal.command('list').description('list the streams of facts, those of services too');
  withJson(withJournal(listing)).action(async (flags) => end(await listStreams(flags, terminal)));

  const exporting = journal
    .command('export')
    .description('print facts as lines of JSON, stream by stream')
    .argument('[stream...]', 'the streams; all without')
    .option('--out <file>', 'write them to a new file instead');
  withJournal(exporting).action(async (streams: readonly string[], flags) => end(await exportStreams(streams, flags, terminal)));

  const pruning = journal
    .command('prune')
    .description('drop executions that have ended')
    .addOption(new Option('--older-than <span>', 'that ended so long ago: 30d, 12h, 45m, 10s').argParser(span).conflicts('keep'))
    .addOption(new Option('--keep <number>', 'but for so many, the newest').argParser(countOf))
    .option('--archive <file>', 'append their facts to this file before');
  withJson(withJournal(pruning)).action(async (flags) => end(await prune(flags, terminal)));
}

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

function span(value: string): number {
  const [, number, unit] = /^(\d{1,9})([smhd])$/.exec(value) ?? [];
  if (number === undefined || unit === undefined) throw new InvalidArgumentError('It is a number with d, h, m or s, such as 30d.');
  return Number(number) * UNITS[unit as keyof typeof UNITS];
}
