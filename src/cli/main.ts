/** The `swarmchart` command: reads the command line, runs the command, turns whatever happens into an exit code. */

import { Command, CommanderError } from 'commander';
import { EXIT, UsageError } from './outcome.ts';
import { packageVersion } from './package-files.ts';
import { leaveSoon, processTerminal, type Terminal } from './terminal.ts';
import { HELP } from './usage/help.ts';
import { addKeeping } from './usage/keeping.ts';
import { addRunning } from './usage/running.ts';

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
  addRunning(program, terminal, end);
  addKeeping(program, terminal, end);
  return program;
}
