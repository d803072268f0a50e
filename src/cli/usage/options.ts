/** Options that several commands have. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { DURABILITIES } from '../journal/journal-file.ts';
import { LONGEST_MS } from '../outcome.ts';

export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

function milliseconds(value: string): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= 1 && number <= LONGEST_MS) return number;
  throw new InvalidArgumentError(`It is a whole number of milliseconds from 1 to ${LONGEST_MS}.`);
}

const wholeFrom =
  (least: number) =>
  (value: string): number => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= least && Number.isSafeInteger(number)) return number;
    throw new InvalidArgumentError(`It is a whole number from ${least}.`);
  };

export const positive = wholeFrom(1);
export const countOf = wholeFrom(0);

const CONFIG = 'configuration with tools, modules and agents, instead of swarmchart.config.ts in the working folder';

export const withConfig = (command: Command): Command => command.option('--config <path>', CONFIG);

export const withJson = (command: Command): Command => command.option('--json', 'print one JSON object on stdout');

/** What prints how a run goes, and its result. */
export const withOutput = (command: Command): Command =>
  command
    .addOption(new Option('--json', 'print one JSON object on stdout').conflicts('jsonl'))
    .option('--jsonl', 'print every fact as a line of JSON on stdout, and the result last')
    .option('--verbose', 'show everything that steps log, not only warnings and errors')
    .option('--inspect', 'serve the live actors for the Stately inspector while the run lasts; the address is on stderr')
    .option('--inspect-wait', 'the same, and start the run once somebody watches');

export const withTimeout = (command: Command): Command => command.option('--timeout <ms>', 'cancel the run after this time', milliseconds);

export const withPeople = (command: Command): Command =>
  command.option('--wait-for-people', 'stay while the run waits for people, who answer with swarmchart approve in the same folder');

/** Where facts are read. */
export const withJournal = (command: Command): Command =>
  command.option('--journal <file>', 'the journal, instead of .swarmchart/journal.db in the working folder');

/** Where they are written, too. */
export const withDurability = (command: Command): Command =>
  withJournal(command).addOption(
    new Option('--durability <what>', 'what committed facts survive: a loss of power, or the end of this process alone, which is faster')
      .choices(DURABILITIES)
      .default('power'),
  );
