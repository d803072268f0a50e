import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Supervisor } from '../../../src/runtime/supervision/supervisor.ts';
import { type NaiveSpec, NaiveSupervisor } from './naive-supervisor.ts';
import { aWorker, Stage, statusesOf, tell } from './stage.ts';

const IDS = ['a', 'b', 'c', 'd'] as const;

const stride = fc.record({
  does: fc.oneof(
    { weight: 6, arbitrary: fc.constant('crash' as const) },
    { weight: 2, arbitrary: fc.constantFrom('finish' as const, 'fail' as const) },
    { weight: 3, arbitrary: fc.constantFrom('start' as const, 'terminate' as const, 'restart' as const, 'delete' as const) },
    { weight: 4, arbitrary: fc.constant('settle' as const) },
  ),
  id: fc.constantFrom(...IDS),
  times: fc.integer({ min: 1, max: 3 }),
});
type Stride = typeof stride extends fc.Arbitrary<infer T> ? T : never;

const setting = fc.record({
  strategy: fc.constantFrom('one-for-one' as const, 'one-for-all' as const, 'rest-for-one' as const),
  intensity: fc.integer({ min: 0, max: 6 }),
  auto: fc.constantFrom('never' as const, 'any-significant' as const, 'all-significant' as const),
  children: fc.array(
    fc.record({ restart: fc.constantFrom('permanent' as const, 'transient' as const, 'temporary' as const), isSignificant: fc.boolean() }),
    {
      minLength: 4,
      maxLength: 4,
    },
  ),
  begins: fc.integer({ min: 0, max: 4 }),
});

type Answer = { readonly error?: { readonly code: string } | undefined };

/** Both do the same; null where there is no answer. */
async function both(stage: Stage, real: Supervisor, naive: NaiveSupervisor, specs: readonly NaiveSpec[], { does, id, times }: Stride) {
  const said = async (answer: Promise<Answer>) => (await answer).error?.code ?? 'ok';
  const spec = specs.find((one) => one.id === id);
  switch (does) {
    case 'crash':
    case 'finish':
      tell(real, id, does);
      naive.end(id, does === 'crash' ? 'crashed' : 'done');
      return [];
    case 'fail':
      stage.failures.set(id, times);
      naive.failures.set(id, times);
      return [];
    case 'settle':
      stage.clock.advance(0);
      naive.settle();
      return [];
    case 'start':
      return spec ? [await said(real.startChild(aWorker(id, { ...spec }))), naive.add(spec)] : [];
    case 'terminate':
      return [await said(real.terminateChild(id)), naive.terminate(id)];
    case 'restart':
      return [await said(real.restartChild(id)), naive.restart(id)];
    default:
      return [await said(real.deleteChild(id)), naive.delete(id)];
  }
}

describe('a supervisor', () => {
  it('does what a naive one does, whatever happens to its children', async () => {
    const strides = fc.array(stride, { maxLength: 40, size: 'max' });
    await fc.assert(
      fc.asyncProperty(setting, strides, async ({ strategy, intensity, auto, children, begins }, steps) => {
        const specs = children.map(({ restart, isSignificant }, index) => {
          const significant = isSignificant && auto !== 'never' && restart !== 'permanent';
          return { id: IDS[index] ?? '', restart, significant };
        });
        const stage = new Stage();
        const real = await stage.started({
          strategy,
          intensity: { maxRestarts: intensity, withinMs: 60_000 },
          autoShutdown: auto,
          children: specs.slice(0, begins).map((spec) => aWorker(spec.id, spec)),
        });
        const naive = new NaiveSupervisor(strategy, intensity, auto, specs.slice(0, begins));
        for (const step of steps) {
          const [answer, expected] = await both(stage, real, naive, specs, step);
          expect(answer).toBe(expected);
          expect(stage.events()).toEqual(naive.events());
          const statuses = naive.isOver ? null : naive.children.map(({ id, status }) => [id, status]);
          expect(await statusesOf(real)).toEqual(statuses);
          if (naive.isOver) break;
        }
        await real.stop();
        expect(stage.clock.pending).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
