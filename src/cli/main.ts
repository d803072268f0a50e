/** The `swarmchart` command: reads the command line, runs the command, turns whatever happens into an exit code. */

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { approve } from './commands/approve.ts';
import { demo } from './commands/demo.ts';
import { run } from './commands/run.ts';
import { validate } from './commands/validate.ts';
import { EXIT, LONGEST_MS, UsageError } from './outcome.ts';
import { packageVersion } from './package-files.ts';
import { leaveSoon, processTerminal, type Terminal } from './terminal.ts';

/** Resolves with the exit code; never rejects. Without a terminal of the caller's it acts on, and soon ends, the process. */
export async function main(argv: readonly string[], terminal?: Terminal): Promise<number> {
  const world = terminal ?? processTerminal();
  let exitCode = await dispatch(argv, world);
  await Promise.all([world.stdout.flush(), world.stderr.flush()]);
  const { failure } = world.stdout;
  if (failure) {
    await world.stderr.line(`error: the result could not be written: ${failure.message}`);
    exitCode ||= EXIT.failed;
  }
  if (!terminal) leaveSoon(exitCode);
  return exitCode;
}

async function dispatch(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = EXIT.succeeded;
  try {
    const end = (code: number): void => {
      exitCode = code;
    };
    await commandLine(terminal, end).parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (thrown) {
    return explain(thrown, terminal);
  }
}

/** A CommanderError has been printed already. */
async function explain(thrown: unknown, { stderr, env }: Terminal): Promise<number> {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.succeeded : EXIT.refused;
  if (thrown instanceof UsageError) {
    const hasPlace = thrown.issues.some(({ line }) => line !== undefined);
    await stderr.line(hasPlace ? thrown.message : `error: ${thrown.message}`);
    if (thrown.hint !== undefined) await stderr.line(`next: ${thrown.hint}`);
    if (env['SWARMCHART_DEBUG'] && thrown.cause instanceof Error) await stderr.line(String(thrown.cause.stack));
    return EXIT.refused;
  }
  const error = thrown instanceof Error ? thrown : new Error(`something that is no Error was thrown: ${String(thrown)}`);
  const hasStack = Boolean(env['SWARMCHART_DEBUG']);
  await stderr.line(hasStack ? String(error.stack) : `error: ${error.message}\nnext: SWARMCHART_DEBUG=1 shows where it happened`);
  return EXIT.failed;
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

function milliseconds(value: string): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= 1 && number <= LONGEST_MS) return number;
  throw new InvalidArgumentError(`It is a whole number of milliseconds from 1 to ${LONGEST_MS}.`);
}

function commandLine(terminal: Terminal, end: (exitCode: number) => void): Command {
  const program = new Command('swarmchart')
    .description('Runs agents and workflows as supervised statecharts.')
    .version(packageVersion())
    .exitOverride()
    .showHelpAfterError('(swarmchart --help lists everything)')
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', HELP);

  withRunOptions(
    program
      .command('run')
      .description('run a workflow or a swarm file (YAML or JSON)')
      .argument('<file>', 'the workflow or swarm file')
      .option('--workflow <name>', 'which of the workflows in the file, by id or name')
      .option('--goal <text>', "what the swarm is to achieve, instead of the file's own goal")
      .option('--input <name=value>', 'one input, or @file.json with an object of them; may be repeated', collect)
      .option('--config <path>', 'configuration with tools, modules and agents, instead of swarmchart.config.ts in the working folder')
      .option('--wait-for-people', 'stay while the run waits for people, who answer with swarmchart approve in the same folder'),
  ).action(async (file: string, flags) => end(await run(file, flags, terminal)));

  program
    .command('approve')
    .description('list what waits for people in the runs of this folder, or answer it')
    .argument('[id]', 'what is answered, as the list has it')
    .addOption(new Option('--reject', 'it fails for good').conflicts(['retry', 'abort']))
    .addOption(new Option('--retry', 'what failed is tried again').conflicts(['reject', 'abort']))
    .addOption(new Option('--abort', 'the whole run is cancelled').conflicts(['reject', 'retry']))
    .option('--value <value>', 'what an approval gives as the result: JSON, or else a text')
    .option('--by <name>', 'who answers, instead of the name of this account')
    .option('--role <role>', 'the role in which')
    .option('--json', 'print one JSON object on stdout')
    .action(async (id: string | undefined, flags) => end(await approve(id, flags, terminal)));

  program
    .command('validate')
    .description('report every problem of a workflow or swarm file; nothing is run')
    .argument('[file]', 'the workflow or swarm file')
    .option('--workflow <name>', 'require this workflow to be in the file')
    .option('--config <path>', 'configuration with tools, modules and agents, instead of swarmchart.config.ts in the working folder')
    .addOption(
      new Option('--schema [kind]', 'print the JSON Schema of workflow files, or of swarm files, for editors').choices([
        'workflow',
        'swarm',
      ]),
    )
    .option('--json', 'print one JSON object on stdout')
    .action(async (file: string | undefined, flags) => end(await validate(file, flags, terminal)));

  withRunOptions(
    program
      .command('demo')
      .description('report on the history of a git repository: a swarm with real tools, without key or network')
      .option('--repo <path>', 'the repository', '.')
      .option('--out <dir>', 'where the report goes', 'swarmchart-report')
      .option('--chaos', 'crash an agent in the middle of its task and let a tool fail twice: the report stays the same'),
  ).action(async (flags) => end(await demo(flags, terminal)));

  return program;
}

/** What `run` and `demo` have in common. */
const withRunOptions = (command: Command): Command =>
  command
    .option('--timeout <ms>', 'cancel the run after this time', milliseconds)
    .addOption(new Option('--json', 'print one JSON object on stdout').conflicts('jsonl'))
    .option('--jsonl', 'print every fact as a line of JSON on stdout, and the result last')
    .option('--verbose', 'show everything that steps log, not only warnings and errors')
    .option('--inspect', 'serve the live actors for the Stately inspector while the run lasts; the address is on stderr')
    .option('--inspect-wait', 'the same, and start the run once somebody watches');

const HELP = `
stdout carries the result, stderr everything else.

Exit codes:
  0    succeeded
  1    the run failed
  2    wrong usage, or a file that cannot be used; nothing was run
  3    paused, or waiting for a person
  4    timed out
  130  SIGINT (129 SIGHUP, 143 SIGTERM): the run was cancelled
Of approve: 0 listed, or the answer was taken; 1 it was not, being late or given before; 2 wrong usage, unknown id, or not permitted.

Environment: NO_COLOR and CI are obeyed; SWARMCHART_DEBUG=1 shows where an error happened.`;
