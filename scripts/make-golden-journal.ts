/**
 * Makes a golden journal: a journal's files with executions of several kinds, and the states to which they fold, in
 * test/fixtures/golden/v<version of facts>. It is made once for each version of facts, and never again: the tests open it for ever.
 * `--states` writes the states of the journal that is there anew, for a fold that has changed on purpose.
 */

import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRuntime, type Fact, type Journal, readJournal, sqlite } from '../src/index.ts';
import { FACT_VERSION } from '../src/machines/protocol/facts.ts';
import { VirtualClock } from '../src/testing/testing.ts';
import { statesOf } from '../test/runtime/journal/golden-states.ts';

const folder = fileURLToPath(new URL(`../test/fixtures/golden/v${FACT_VERSION}`, import.meta.url));
const FILES = ['journal.db', 'journal.db.heads'];

async function until(facts: AsyncIterable<Fact>, type: string): Promise<void> {
  for await (const fact of facts) if (fact.type === type) return;
  throw new Error(`There was no ${type}`);
}

async function fill(journal: Journal): Promise<void> {
  const clock = new VirtualClock();
  let ids = 0;
  const runtime = await createRuntime({
    journal,
    clock,
    createId: () => `id-${++ids}`,
    tools: [
      { name: 'work', credits: '2', run: (parameters: unknown) => ({ done: parameters as object }) },
      { name: 'fail', run: () => Promise.reject(new Error('as always')), breaker: { failureThreshold: 2 } },
      { name: 'hang', run: (_: unknown, { signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', reject)) },
    ],
  });
  const named = (executionId: string) => ({ context: { executionId } });
  const finished = {
    id: 'finished',
    steps: [
      { id: 'one', tool: 'work', parameters: { text: 'é 😀' } },
      { id: 'two', tool: 'work', parameters: { from: '${one.result}' }, dependencies: ['one'] },
      {
        id: 'three',
        type: 'parallel',
        steps: [
          { id: 'left', tool: 'work' },
          { id: 'right', tool: 'work' },
        ],
        dependencies: ['one'],
      },
      { id: 'each', type: 'map', over: [1, 2], steps: [{ id: 'double', tool: 'work', parameters: { item: '{{item}}' } }] },
    ],
  };
  await runtime.run(finished, named('finished')).result();
  await runtime.run({ id: 'failed', steps: [{ id: 'fail', tool: 'fail' }] }, named('failed-1')).result();
  await runtime.run({ id: 'failed', steps: [{ id: 'fail', tool: 'fail' }] }, named('failed-2')).result();

  const waiting = { id: 'waiting', steps: [{ id: 'ask', type: 'wait', approval: { prompt: 'Go on?', role: 'clerk', quorum: 2 } }] };
  const waits = runtime.run(waiting, named('waiting'));
  await until(waits.facts(), 'tier3/wait/started');

  const hanging = {
    id: 'hanging',
    steps: [
      { id: 'first', tool: 'work' },
      { id: 'hang', tool: 'hang', dependencies: ['first'] },
    ],
  };
  const listening = {
    id: 'listening',
    steps: [
      { id: 'hear', type: 'wait', signal: 'go' },
      { id: 'then', tool: 'work', dependencies: ['hear'] },
    ],
  };
  const pauses = runtime.run(listening, named('paused'));
  await until(pauses.facts(), 'tier3/wait/started');
  await pauses.pause();
  await until(pauses.facts(), 'tier2/routine/paused');
  const cancels = runtime.run(hanging, named('cancelled'));
  await until(cancels.facts(), 'tier3/execution/completed');
  await cancels.cancel('not needed');
  await cancels.result();
  const interrupted = runtime.run(hanging, named('interrupted'));
  await until(interrupted.facts(), 'tier3/execution/completed');

  const swarm = {
    id: 'swarm',
    goal: 'work together',
    agents: [{ id: 'ann', capabilities: ['work'] }],
    tasks: [
      { id: 'one', requiredCapabilities: ['work'], tool: 'work' },
      { id: 'two', requiredCapabilities: ['work'], tool: 'work', dependencies: ['one'] },
    ],
  };
  await runtime.swarm(swarm, named('swarm')).result();
  const event = {
    executionId: 'event/order-1',
    swarmId: 'event/order-1',
    correlationId: 'order-1',
    tier: 'tier2',
    v: FACT_VERSION,
  } as const;
  const order = {
    id: 'event/order-1#1',
    seq: 1,
    stream: 'event/order-1',
    type: 'order/placed',
    at: clock.now(),
    payload: { total: '9.99' },
  };
  await journal.append('event/order-1', 0, [{ ...event, ...order }]);
  await runtime.drain({ graceMs: 0 });
}

async function writeStates(path: string): Promise<void> {
  const journal = await readJournal(path);
  writeFileSync(join(folder, 'states.json'), `${JSON.stringify(await statesOf(journal), undefined, 1)}\n`);
  await journal.close();
}

/** Reading makes files beside the one that is read. */
async function atWork(work: (path: string) => Promise<void>): Promise<void> {
  const temporary = mkdtempSync(join(tmpdir(), 'golden-'));
  try {
    await work(join(temporary, 'journal.db'));
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const onlyStates = process.argv.includes('--states');
  if (!onlyStates && existsSync(folder)) throw new Error(`${folder} is there already, and stays as it is`);
  await atWork(async (path) => {
    if (onlyStates) for (const file of FILES) cpSync(join(folder, file), join(path, '..', file));
    else await fill(sqlite(path));
    mkdirSync(folder, { recursive: true });
    if (!onlyStates) for (const file of FILES) cpSync(join(path, '..', file), join(folder, file));
    await writeStates(path);
  });
}
