/** The planner, the organizer and the synthesizer as children of a nursery: what they end with, when they begin, and what they leave behind. */

import { describe, expect, it } from 'vitest';
import { type AnyActorLogic, type AnyActorRef, createActor, type EventObject, setup } from 'xstate';
import { nurseryActor } from '../../../src/actors/nursery.ts';
import { type HelperServices, organizerActor, plannerActor, synthesizerActor } from '../../../src/actors/planner.ts';
import type { NurseryCommand } from '../../../src/machines/protocol/run.ts';
import type { PlanProposal } from '../../../src/machines/protocol/swarm.ts';
import { NO_SECRETS } from '../../../src/runtime/secrets/secrets.ts';
import { VirtualClock } from '../../../src/testing/testing.ts';
import { decompose, planIn, SALES_TASKS, swarmJob } from './definition-for-test.ts';

const job = swarmJob();
const proposal = decompose(SALES_TASKS);
const plan = planIn(proposal);
const inputs = {
  planner: { job, attempt: 1, issues: [] },
  organizer: { job, plan },
  synthesizer: { job, plan, tasks: {} },
};

function world(more: Partial<HelperServices> = {}) {
  const counters = { stale: 0, deadLetters: 0, abandoned: 0, lateResults: 0 };
  const services: HelperServices = {
    streams: { committed: () => undefined, mayAct: () => true, begin: () => () => {} },
    counters,
    plan: () => proposal,
    organize: () => ({ ok: true, team: { roles: {}, tasks: {}, obligations: [] } }),
    synthesize: () => ({ sum: 1 }),
    maxOutputBytes: 1_000,
    secrets: NO_SECRETS,
    ...more,
  };
  const logics: Record<string, AnyActorLogic> = {
    planner: plannerActor(services),
    organizer: organizerActor(services),
    synthesizer: synthesizerActor(services),
  };
  const nursery = nurseryActor({
    clock: new VirtualClock(),
    counters,
    logics: () => logics,
    admitted: () => ({}),
    born: () => undefined,
    departed: () => undefined,
    fell: () => Promise.resolve(undefined),
    falling: () => undefined,
  });
  const reports: EventObject[] = [];
  let told: () => void = () => undefined;
  const parent = setup({ actors: { nursery } }).createMachine({
    invoke: { src: 'nursery', id: 'nursery' },
    on: {
      '*': {
        actions: ({ event }) => {
          reports.push(event);
          told();
        },
      },
    },
  });
  const root = createActor(parent).start();
  const tell = (command: NurseryCommand) => (root.getSnapshot().children['nursery'] as AnyActorRef).send(command);
  return {
    counters,
    reports,
    start: (src: keyof typeof inputs) =>
      tell({
        type: 'child.start',
        ack: false,
        children: [{ id: `$${src}`, src, incarnation: 1, input: { ...inputs[src], execution: job.execution } }],
      }),
    stop: (src: keyof typeof inputs) => tell({ type: 'child.stop', id: `$${src}` }),
    /** The next report. */
    report: () =>
      new Promise<EventObject & { readonly output?: unknown }>((resolve) => {
        const look = () => {
          const first = reports[0];
          if (first) resolve(first);
        };
        told = look;
        look();
      }),
  };
}

/** Everything that is ready to go on has gone on. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('a helper is done', () => {
  it.each([
    ['planner', proposal],
    ['organizer', { ok: true, team: { roles: {}, tasks: {}, obligations: [] } }],
    ['synthesizer', { ok: true, result: { sum: 1 } }],
  ] as const)('the %s, with what it came to', async (src, output) => {
    const { start, report } = world();
    start(src);
    expect(await report()).toMatchObject({ type: 'child.done', id: `$${src}`, incarnation: 1, output });
  });

  it.each([
    ['planner', 'DECOMPOSITION_FAILED', 'Cannot decompose the goal "Sell more": broken'],
    ['organizer', 'EXECUTION_FAILED', 'broken'],
    ['synthesizer', 'EXECUTION_FAILED', 'broken'],
  ] as const)('the %s, also when what it calls throws', async (src, code, message) => {
    const broken = () => {
      throw new Error('broken');
    };
    const { start, report } = world({ plan: broken, organize: broken, synthesize: broken });
    start(src);
    expect(await report()).toMatchObject({ type: 'child.done', output: { ok: false, error: { code, message, tier: 'tier1' } } });
  });

  it.each<[string, unknown, string]>([
    ['no JSON', () => 1, 'INVALID_OUTPUT'],
    ['too much', 'x'.repeat(1_001), 'OUTPUT_TOO_LARGE'],
    ['a prototype', JSON.parse('{"__proto__": 1}'), 'UNSAFE_KEY'],
  ])('the synthesizer, with a failure, when its result is %s', async (_, result, code) => {
    const { start, report } = world({ synthesize: () => Promise.resolve(result) });
    start('synthesizer');
    expect(await report()).toMatchObject({ type: 'child.done', output: { ok: false, error: { code } } });
  });
});

describe('nothing begins', () => {
  it('before the facts that led to it are committed', async () => {
    const gate = Promise.withResolvers<void>();
    let asked = 0;
    const { start, report } = world({
      streams: { committed: () => gate.promise, mayAct: () => true, begin: () => () => {} },
      plan: () => {
        asked++;
        return proposal;
      },
    });
    start('planner');
    await settled();
    expect(asked).toBe(0);
    gate.resolve();
    expect(await report()).toMatchObject({ type: 'child.done', output: { ok: true } });
    expect(asked).toBe(1);
  });

  it('when they cannot be committed', async () => {
    const { start, report } = world({
      streams: { committed: () => Promise.reject(new Error('disk full')), mayAct: () => true, begin: () => () => {} },
    });
    start('planner');
    expect(await report()).toMatchObject({ type: 'child.done', output: { ok: false, error: { code: 'DECOMPOSITION_FAILED' } } });
  });

  it('once a cancel was accepted, and nothing is left when it arrives', async () => {
    let asked = 0;
    const { start, stop, reports, counters } = world({
      streams: { committed: () => undefined, mayAct: () => false, begin: () => () => {} },
      plan: () => {
        asked++;
        return proposal;
      },
    });
    start('planner');
    await settled();
    stop('planner');
    await settled();
    expect([asked, reports.map(({ type }) => type), counters]).toEqual([
      0,
      ['child.stopped'],
      { stale: 0, deadLetters: 0, abandoned: 0, lateResults: 0 },
    ]);
  });
});

describe('a helper that is stopped', () => {
  it('aborts its signal, says nothing more, and its late answer is counted', async () => {
    const answer = Promise.withResolvers<PlanProposal>();
    const signals: AbortSignal[] = [];
    const { start, stop, reports, counters } = world({
      plan: (_, signal) => {
        signals.push(signal);
        return answer.promise;
      },
    });
    start('planner');
    await settled();
    stop('planner');
    expect(signals[0]?.aborted).toBe(true);
    expect(counters).toMatchObject({ abandoned: 1, lateResults: 0 });
    answer.reject(new Error('too late'));
    await settled();
    expect([reports.map(({ type }) => type), counters.lateResults]).toEqual([['child.stopped'], 1]);
  });
});
