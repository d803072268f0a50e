/** The commands that run something, or check what could be run. */

import { type Command, Option } from 'commander';
import { approve } from '../commands/approve.ts';
import { demo } from '../commands/demo.ts';
import { rerun } from '../commands/rerun.ts';
import { resume } from '../commands/resume.ts';
import { run } from '../commands/run.ts';
import { validate } from '../commands/validate.ts';
import type { Terminal } from '../terminal.ts';
import { collect, withConfig, withDurability, withJournal, withJson, withOutput, withPeople, withTimeout } from './options.ts';

type End = (exitCode: number) => void;

export function addRunning(program: Command, terminal: Terminal, end: End): void {
  const running = program
    .command('run')
    .description('run a workflow or a swarm file (YAML or JSON), and keep it in a journal')
    .argument('<file>', 'the workflow or swarm file')
    .option('--workflow <name>', 'which of the workflows in the file, by id or name')
    .option('--goal <text>', "what the swarm is to achieve, instead of the file's own goal")
    .option('--input <name=value>', 'one input, or @file.json with an object of them; may be repeated', collect);
  withOutput(withTimeout(withPeople(withDurability(withConfig(running)))))
    .option('--no-journal', 'keep nothing: what does not end is lost with the process')
    .action(async (file: string, flags) => end(await run(file, flags, terminal)));

  const resuming = program
    .command('resume')
    .description('go on with an execution of the journal where it was')
    .argument('[id]', 'the execution; the beginning of its id is enough')
    .option('--all', 'with all that have not ended, but for what is paused or was given up');
  withOutput(withPeople(withDurability(withConfig(resuming)))).action(async (id: string | undefined, flags) =>
    end(await resume(id, flags, terminal)),
  );

  const rerunning = program
    .command('rerun')
    .description('run a workflow of the journal again from a step, as a new execution that reuses the results before it')
    .argument('<id>', 'the execution; the beginning of its id is enough')
    .requiredOption('--from <step>', 'the first step that is done again')
    .option('--input <name=value>', 'another value of one input, or @file.json with an object of them; may be repeated', collect);
  withOutput(withPeople(withDurability(withConfig(rerunning)))).action(async (id: string, flags) => end(await rerun(id, flags, terminal)));

  const approving = program
    .command('approve')
    .description('list what waits for people in the runs of this folder, or answer it')
    .argument('[id]', 'what is answered, as the list has it')
    .addOption(new Option('--reject', 'it fails for good').conflicts(['retry', 'abort']))
    .addOption(new Option('--retry', 'what failed is tried again').conflicts(['reject', 'abort']))
    .addOption(new Option('--abort', 'the whole run is cancelled').conflicts(['reject', 'retry']))
    .option('--value <value>', 'what an approval gives as the result: JSON, or else a text')
    .option('--by <name>', 'who answers, instead of the name of this account')
    .option('--role <role>', 'the role in which');
  withJson(withJournal(approving)).action(async (id: string | undefined, flags) => end(await approve(id, flags, terminal)));

  const validating = program
    .command('validate')
    .description('report every problem of a workflow or swarm file; nothing is run')
    .argument('[file]', 'the workflow or swarm file')
    .option('--workflow <name>', 'require this workflow to be in the file');
  withJson(
    withConfig(validating).addOption(
      new Option('--schema [kind]', 'print the JSON Schema of workflow files, or of swarm files, for editors').choices([
        'workflow',
        'swarm',
      ]),
    ),
  ).action(async (file: string | undefined, flags) => end(await validate(file, flags, terminal)));

  const showing = program
    .command('demo')
    .description('report on the history of a git repository: a swarm with real tools, without key or network')
    .option('--repo <path>', 'the repository', '.')
    .option('--out <dir>', 'where the report goes', 'swarmchart-report')
    .option('--chaos', 'crash an agent in the middle of its task and let a tool fail twice: the report stays the same');
  withOutput(withTimeout(showing)).action(async (flags) => end(await demo(flags, terminal)));
}
