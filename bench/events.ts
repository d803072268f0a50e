/**
 * What the event bus costs: to publish a fact among many subscriptions, until all of them have heard it, and to emit an event.
 *
 * Run by `npm run bench`, or alone with `npm run bench -- events`. The aim: under 10 µs to publish one of 10,000 facts to 20 subscriptions.
 */

import { createRuntime, type Fact } from '../src/index.ts';
import { EventBus } from '../src/runtime/events/event-bus.ts';
import { SILENT } from '../src/runtime/logger.ts';
import { systemClock } from '../src/runtime/system-clock.ts';

const FACTS = 10_000;
const SUBSCRIPTIONS = 20;
const ROUNDS = 15;
const TYPES = ['tier1/task/started', 'tier2/routine/started', 'tier2/step/started', 'tier2/step/completed', 'tier3/execution/completed'];
const MATCHING_ALL = Array<string>(SUBSCRIPTIONS).fill('**');
const MIXED = Array.from({ length: SUBSCRIPTIONS }, (_, n) => ['**', 'tier2/**', '*/step/*', 'tier3/execution/completed'][n % 4] ?? '**');

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const turn = () => new Promise((resolve) => void setImmediate(resolve));
const facts: readonly Fact[] = Array.from({ length: FACTS }, (_, n) => {
  const common = {
    stream: 'run',
    at: 0,
    executionId: 'run',
    swarmId: 'run',
    correlationId: 'run',
    tier: 'tier2',
    payload: {},
    v: 1,
  } as const;
  return { ...common, id: `run#${n + 1}`, seq: n + 1, type: TYPES[n % TYPES.length] ?? '' };
});

/** Microseconds for each fact. */
async function publish(patterns: readonly string[]): Promise<{ readonly publish: number; readonly heard: number }> {
  const bus = new EventBus({ clock: systemClock(), log: SILENT });
  let heard = 0;
  for (const pattern of patterns) bus.subscribe(pattern, () => void heard++);
  const began = performance.now();
  for (const fact of facts) bus.publish([fact]);
  const published = performance.now();
  await turn();
  const done = performance.now();
  if (heard < FACTS) throw new Error(`only ${heard} were heard`);
  return { publish: (1_000 * (published - began)) / FACTS, heard: (1_000 * (done - began)) / FACTS };
}

async function emit(streams: number): Promise<number> {
  await using runtime = await createRuntime();
  let read = 0;
  for (let n = 0; n < streams; n++) {
    void (async () => {
      for await (const { fact } of runtime.events.stream('load/*')) if (fact.seq > 0) read++;
    })();
  }
  await turn();
  const began = performance.now();
  for (let n = 0; n < FACTS; n++) await runtime.events.emit({ type: 'load/one', payload: { n } });
  while (read < FACTS * streams) await turn();
  return (1_000 * (performance.now() - began)) / FACTS;
}

export async function benchEvents(): Promise<void> {
  for (const [name, patterns] of Object.entries({ 'all of which want everything': MATCHING_ALL, 'of four patterns': MIXED })) {
    const rounds: Awaited<ReturnType<typeof publish>>[] = [];
    for (let n = 0; n < ROUNDS; n++) rounds.push(await publish(patterns));
    const of = (what: 'publish' | 'heard') => median(rounds.map((round) => round[what])).toFixed(2);
    const title = `${FACTS.toLocaleString('en')} facts × ${SUBSCRIPTIONS} subscriptions ${name} (median of ${ROUNDS} rounds)`;
    console.log(`\n${title}: published in ${of('publish')} µs each, heard by all within ${of('heard')} µs each`);
  }
  for (const streams of [0, 1, 5]) {
    const each: number[] = [];
    for (let n = 0; n < 5; n++) each.push(await emit(streams));
    console.log(`events emitted one after the other, in memory, with ${streams} streams: ${median(each).toFixed(1)} µs each`);
  }
}
