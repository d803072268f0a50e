/** A process whose event loop is held, as its first argument says. Its log goes to stdout, a line for each warning. */

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { createRuntime, type Logger } from '../../src/index.ts';

const BLOCKED_MS = 500;

function hold(milliseconds: number): string {
  const begun = performance.now();
  while (performance.now() - begun < milliseconds);
  return 'held';
}

const logTo = (name: string): Logger => ({
  debug() {},
  info() {},
  warn: (fields, message) => console.log(JSON.stringify({ log: name, message, ...fields })),
  error() {},
});

const tools = [
  { name: 'spin', run: () => hold(Number.POSITIVE_INFINITY) },
  { name: 'compute', run: () => hold(3_000) },
  { name: 'block', run: () => execFileSync(process.execPath, ['-e', 'setTimeout(() => {}, 3_000)']).length },
  { name: 'spin later', run: async () => hold(await sleep(20, Number.POSITIVE_INFINITY)) },
  { name: 'wait', run: (_: unknown, { signal }: { readonly signal: AbortSignal }) => sleep(60_000, undefined, { signal, ref: false }) },
  { name: 'say', run: () => console.log('at work') },
  { name: 'rest', run: () => sleep(3_000) },
];

const threads: Promise<unknown>[] = [];
process.on('worker', (thread) => threads.push(once(thread, 'online')));

/** Its thread lives. */
async function start(name = 'first', blockedMs = BLOCKED_MS) {
  const runtime = await createRuntime({ tools, logger: logTo(name), watchdog: { blockedMs } });
  // A thread that watches keeps no process alive.
  const alive = setInterval(() => {}, 1_000);
  await nextTurn();
  await Promise.all(threads);
  clearInterval(alive);
  return runtime;
}

/** Whatever was due has fired. */
async function timersAreHeard(): Promise<void> {
  await nextTurn();
  await nextTurn();
}

const step = (tool: string) => ({ id: 'w', steps: [{ id: 'only', tool }] });
const context = { executionId: 'victim' };

const stories: Readonly<Record<string, () => Promise<unknown>>> = {
  async forever() {
    const runtime = await start();
    await runtime.run(step('spin'), { context }).result();
  },
  async later() {
    const runtime = await start();
    await runtime.run(step('spin later'), { context }).result();
  },
  async laterBesideOthers() {
    const runtime = await start('first', 1_500);
    for (let number = 1; number <= 70; number++) runtime.run(step('wait'));
    await runtime.run(step('spin later'), { context }).result();
  },
  async outside() {
    await start();
    hold(Number.POSITIVE_INFINITY);
  },
  /** It stops in the turn in which the tool returns. */
  async long() {
    await using runtime = await start();
    await runtime.run(step('compute'), { context }).result();
  },
  /** In native code, where no debugger can look. */
  async native() {
    await using runtime = await start();
    await runtime.run(step('block'), { context }).result();
  },
  async severalRuntimes() {
    const [first, second, patient] = [await start(), await start('second'), await start('patient', 60_000)];
    await first.stop();
    await second.run(step('compute'), { context }).result();
    await second.stop();
    hold(500);
    await timersAreHeard();
    await patient.stop();
    hold(500);
    await timersAreHeard();
  },
  /** Whoever tells this story stops the process meanwhile. */
  async asleep() {
    await using runtime = await start('first', 1_000);
    console.log('resting');
    await runtime.run(step('rest')).result();
  },
  /** Nothing is stopped, and nothing is left to do. */
  async idle() {
    const runtime = await start();
    await runtime.run(step('say')).result();
  },
};

await stories[process.argv[2] ?? '']?.();
