/** A journal in memory with executions in every condition, made by real runs. */

import { createRuntime } from '../../src/create-runtime.ts';
import type { StreamInfo } from '../../src/runtime/journal/journal.ts';
import { MemoryJournal } from '../../src/runtime/journal/memory-journal.ts';

/** Streams of it are said to be damaged. */
export class DamagedJournal extends MemoryJournal {
  readonly damage = new Map<string, string>();

  override async find(stream: string): Promise<StreamInfo | undefined> {
    const info = await super.find(stream);
    return info && this.#seen(info);
  }

  override async *streams(prefix?: string): AsyncGenerator<StreamInfo> {
    for await (const info of super.streams(prefix)) yield this.#seen(info);
  }

  #seen(info: StreamInfo): StreamInfo {
    const damage = this.damage.get(info.name);
    return damage === undefined ? info : { ...info, damage };
  }
}

const TWO_STEPS = {
  id: 'two',
  steps: [
    { id: 'first', tool: 'echo', parameters: { message: 'one' } },
    { id: 'second', tool: 'echo', parameters: { message: '${first.result} two' } },
  ],
};
const FAILING = { id: 'failing', steps: [{ id: 'only', tool: 'fail' }] };
const ASKING = { id: 'asking', steps: [{ id: 'ship', type: 'wait', approval: { prompt: 'Ship it?', role: 'clerk' } }] };
const SWARM = {
  id: 'crew',
  name: 'The crew',
  goal: 'Say it',
  agents: [{ id: 'speaker', capabilities: ['speech'] }],
  tasks: [{ id: 'say', description: 'Say it', requiredCapabilities: ['speech'], tool: 'echo', parameters: { message: 'said' } }],
};

/**
 * `done`, `failed` and `crew` have ended; `interrupted` has only its beginning, and `asking` waits for a person. `damaged` is, and
 * `breaker/tool/x` is none of an execution.
 */
export async function filledJournal(): Promise<DamagedJournal> {
  const journal = new DamagedJournal();
  const source = new MemoryJournal();
  const fail = { name: 'fail', run: () => Promise.reject(new Error('out of\npaper')) };
  await using runtime = await createRuntime({ tools: [fail], journal: source });
  const as = (executionId: string) => ({ context: { executionId } });
  await runtime.run(TWO_STEPS, as('done')).result();
  await runtime.run(FAILING, as('failed')).result();
  await runtime.swarm(SWARM, as('crew')).result();
  const asking = runtime.run(ASKING, as('asking'));
  for await (const { type } of asking.facts()) if (type === 'tier2/routine/waiting') break;
  for (const name of ['done', 'failed', 'crew', 'asking']) journal.append(name, 0, await source.read(name));
  const done = await source.read('done');
  const renamed = (name: string, end: number) =>
    done.slice(0, end).map((fact) => JSON.parse(JSON.stringify(fact).replaceAll('"done', `"${name}`)) as typeof fact);
  const firstDone = done.findIndex(({ type }) => type === 'tier2/step/completed') + 1;
  journal.append('interrupted', 0, renamed('interrupted', firstDone));
  journal.append('damaged', 0, renamed('damaged', 2));
  journal.damage.set('damaged', 'fact 9 is not the one that was written');
  journal.append('breaker/tool/x', 0, renamed('breaker/tool/x', 1));
  return journal;
}
