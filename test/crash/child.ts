/**
 * The process that is to crash: a real runtime on a real file, which starts what is not there yet and ends once everything has settled.
 * `node child.ts FOLDER DURABILITY COPIES [DEFECT]`.
 *
 * For each line of its ledger it writes a byte to stdout, so that whoever kills it can choose a moment.
 */

import { join } from 'node:path';
import { createRuntime, type ExecutionResult, type Fact, sqlite } from '../../src/index.ts';
import { isTerminal } from '../../src/runtime/journal/journal.ts';
import { appendUnseen } from './assassin.ts';
import { Controller } from './controller.ts';
import { Ledger } from './ledger.ts';
import { type Defect, withDefect, witnessed } from './planted.ts';
import { toolsOf } from './tools.ts';
import { type Root, rootsOf } from './workload.ts';

const [folder = '.', durability, copies = '1', defect] = process.argv.slice(2);
const STDOUT = 1;
const ledger = new Ledger(join(folder, 'ledger'), () => appendUnseen(STDOUT, '.'));
ledger.write({ what: 'born' });

const file = sqlite(join(folder, 'journal.db'), { durability: durability === 'process' ? 'process' : 'power' });
const controller = new Controller(ledger);
const journal = witnessed(withDefect(file, defect as Defect | undefined), (stream, facts) => {
  const ended = facts.filter(isTerminal).map(({ executionId }) => executionId);
  ledger.write({ what: 'committed', stream, seq: facts.at(-1)?.seq ?? 0, ended });
  controller.hear(facts);
});
const runtime = await createRuntime({ journal, tools: toolsOf(ledger) });
const { deadLetters, troubles } = runtime.executions.outcome;
if (deadLetters.length + troubles.length > 0) throw new Error(`Not everything goes on: ${JSON.stringify({ deadLetters, troubles })}`);
controller.serve(runtime);

async function goOn(root: Root): Promise<void> {
  const facts = await journal.read(root.id);
  if (facts.some((fact) => fact.executionId === root.id && isTerminal(fact))) return;
  controller.hear(facts);
  const { status, result = null, resourcesUsed } = await resultOf(root, facts);
  ledger.write({ what: 'result', execution: root.id, status, result, credits: resourcesUsed.creditsUsed });
}

async function resultOf(root: Root, facts: readonly Fact[]): Promise<ExecutionResult> {
  const context = { executionId: root.id };
  const isNew = facts.length === 0;
  if (isNew && root.kind === 'step')
    return runtime.tier3.execute({ context, input: { stepId: 'single', toolName: root.tool, parameters: { of: 'single' } } });
  if (isNew && root.kind === 'run') return controller.follow(runtime.run(root.workflow, { context }));
  if (isNew && root.kind === 'swarm') return controller.follow(runtime.swarm(root.swarm, { context }));
  const { waiting } = runtime.executions.outcome;
  const handle = runtime.executions.get(root.id) ?? (waiting.includes(root.id) ? await runtime.executions.resume(root.id) : undefined);
  if (!handle) throw new Error(`"${root.id}" has not ended, and does not live`);
  return controller.follow(handle);
}

await Promise.all(rootsOf(Number(copies)).map(goOn));
await runtime.stop();
