/** Measures subjects side by side: warmed up, in rounds that take turns, with medians. */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Bench } from 'tinybench';
import type { Sample, Shape, Subject } from './subject.ts';

export interface Measurement {
  readonly subject: string;
  readonly medianMs: number;
  /** The longest time that the event loop was held up, over all rounds. */
  readonly maxDelayMs: number;
}

const WARM_UP_ROUNDS = 5;

export async function measure(shape: Shape, subjects: readonly Subject[], rounds: number): Promise<readonly Measurement[]> {
  const durations = new Map<Subject, number[]>(subjects.map((subject) => [subject, []]));
  const delays = new Map<Subject, number>();
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const subject of rotated(subjects, round + WARM_UP_ROUNDS)) {
      const { durationMs, delayMs } = await sampleOf(shape, subject);
      if (round < 0) continue;
      durations.get(subject)?.push(durationMs);
      delays.set(subject, Math.max(delays.get(subject) ?? 0, delayMs));
    }
  }
  return subjects.map((subject) => ({
    subject: subject.name,
    medianMs: median(durations.get(subject) ?? []),
    maxDelayMs: delays.get(subject) ?? 0,
  }));
}

async function sampleOf(shape: Shape, subject: Subject): Promise<{ readonly durationMs: number; readonly delayMs: number }> {
  let sample: Sample | undefined;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const bench = new Bench({ iterations: 1, time: 0, warmup: false, throws: true });
  bench.add(subject.name, async () => sample?.work(), {
    async beforeEach() {
      sample = await subject.prepare(shape);
      globalThis.gc?.();
      delay.enable();
      // The histogram counts from its first tick on, also after a reset.
      await new Promise((resolve) => setTimeout(resolve, 5));
    },
    async afterEach() {
      await new Promise((resolve) => setTimeout(resolve, 5));
      delay.disable();
      await sample?.end();
    },
  });
  const [task] = await bench.run();
  const result = task?.result;
  if (!result || !('latency' in result)) throw new Error(`"${subject.name}" gave no measurement`);
  return { durationMs: result.latency.p50, delayMs: delay.max / 1e6 };
}

/** Everybody comes first as often as everybody else. */
const rotated = <Item>(items: readonly Item[], by: number): readonly Item[] =>
  items.map((_, index) => items[(index + by) % items.length] as Item);

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2;
}
