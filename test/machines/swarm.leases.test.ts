/** Leases and credits, whatever happens in whatever order, with messages between swarm, runs and pool that cross. */

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freeOf } from '../../src/machines/ledger.ts';
import { evolveSwarm } from '../../src/machines/machines.ts';
import { executionError } from '../../src/machines/protocol/errors.ts';
import { DEFAULT_ALLOCATION } from '../../src/machines/protocol/execution.ts';
import type { SwarmEvent } from '../../src/machines/swarm.decisions.ts';
import { FRESH_SWARM } from '../../src/machines/swarm.state.ts';
import type { TaskSpec } from './paths/goals.ts';
import { folding } from './paths/live-chart.ts';
import { planOf } from './paths/plans.ts';
import { DOWN, GONE, NOBODY, outcome, SwarmStage, type Timeless } from './swarm-stage.ts';

const FULL = executionError('RESOURCE_EXHAUSTED', 'Too many wait', 'tier1');
const DEEDS = ['grant', 'refuse', 'lose', 'done', 'fail', 'crash', 'paused', 'waiting', 'continued', 'hear', 'hear', 'hear'] as const;
const CONTROLS = ['pause', 'resume', 'cancel', 'time'] as const;
type Deed = (typeof DEEDS)[number] | (typeof CONTROLS)[number];

const deeds = fc.array(
  fc.record({
    deed: fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom<Deed>(...DEEDS) },
      { weight: 1, arbitrary: fc.constantFrom<Deed>(...CONTROLS) },
    ),
    which: fc.nat(99),
  }),
  { maxLength: 80, size: 'max' },
);
const tasks = fc
  .array(
    fc.record({
      after: fc.uniqueArray(fc.nat(4), { maxLength: 2 }),
      onFailure: fc.constantFrom('stop' as const, 'continue' as const, 'continue' as const),
      maxAgents: fc.integer({ min: 1, max: 3 }),
      complexity: fc.integer({ min: 1, max: 10 }),
      memoryMB: fc.constantFrom(0, 0, 100, 300, 512, 513),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((specs) =>
    specs.map(({ memoryMB, ...spec }, ordinal): TaskSpec => {
      const plan = planOf([{ ...(memoryMB > 0 && { memoryMB }) }]);
      return { ...spec, plan, after: spec.after.filter((other) => other < ordinal) };
    }),
  );
const credits = fc.bigInt({ min: 0n, max: 10n ** 30n });

/** The pool and the runs act at once; the swarm hears of it later, from each in order. */
class World {
  readonly stage: SwarmStage;
  readonly fromPool: { readonly leaseId: string; readonly event: Timeless<SwarmEvent> }[] = [];
  readonly fromRuns: Timeless<SwarmEvent>[] = [];
  /** Leases about which the swarm and the pool wrote to each other at the same time. */
  readonly crossed = new Set<string>();
  #agents = 0;
  #read = 0;
  #stopped = 0;

  constructor(specs: readonly TaskSpec[], maxConcurrentTasks: number, maxCredits: bigint) {
    const limits = { maxMemoryMB: 512, maxTokens: Number(maxCredits % 1_000n), maxSteps: 5 };
    const allocation = { ...DEFAULT_ALLOCATION, ...limits, maxCredits: maxCredits.toString(), maxDurationMs: 1_000 };
    this.stage = new SwarmStage({ tasks: specs }, { maxConcurrentTasks, allocation });
    this.stage.begin();
  }

  act(deed: Deed, which: number): void {
    this.#do(deed, which);
    this.#hearStops();
  }

  /** The nursery says of each run that it stopped. */
  #hearStops(): void {
    const { stopped } = this.stage;
    for (; this.#stopped < stopped.length; this.#stopped++)
      this.fromRuns.push({ type: 'child.stopped', ...stopped[this.#stopped] } as never);
  }

  #do(deed: Deed, which: number): void {
    const { stage } = this;
    if (deed === 'pause') this.#say({ type: 'execution.pause', epoch: 0 });
    else if (deed === 'resume') this.#say({ type: 'execution.resume' });
    else if (deed === 'cancel') this.#say({ type: 'execution.cancel', reason: 'enough' });
    else if (deed === 'time') stage.clock.advance(which * 3);
    else if (deed === 'hear') this.#deliver(which);
    else if (deed === 'grant' || deed === 'refuse' || deed === 'lose') this.#answer(deed, which);
    else this.#report(deed, which);
  }

  #say(event: Timeless<SwarmEvent>): void {
    if (!stageIsOver(this.stage)) this.stage.send(event);
  }

  #deliver(which: number): void {
    const isPool = this.fromRuns.length === 0 || (which % 2 === 0 && this.fromPool.length > 0);
    const event = isPool ? this.fromPool.shift()?.event : this.fromRuns.shift();
    if (event) this.#say(event);
  }

  #answer(deed: 'grant' | 'refuse' | 'lose', which: number): void {
    const { leases } = this.stage;
    const candidates = [...leases].filter(([, life]) => life === (deed === 'lose' ? 'held' : 'waiting'));
    const leaseId = candidates[which % candidates.length]?.[0];
    if (leaseId === undefined) return;
    leases.set(leaseId, deed === 'grant' ? 'held' : deed === 'refuse' ? 'refused' : 'lost');
    const agentId = `agent-${++this.#agents}`;
    const error = which % 2 === 0 ? NOBODY : FULL;
    const events = {
      grant: { type: 'lease.granted', leaseId, agentId },
      refuse: { type: 'lease.refused', leaseId, error },
      lose: { type: 'lease.lost', leaseId, agentId, error: GONE },
    } as const;
    this.fromPool.push({ leaseId, event: events[deed] });
  }

  #report(deed: Deed, which: number): void {
    const { children } = this.stage;
    const living = [...children];
    const [id, child] = living[which % living.length] ?? [];
    if (id === undefined || !child) return;
    const { incarnation, job } = child;
    if (id.startsWith('$')) {
      children.delete(id);
      this.fromRuns.push({ type: 'child.done', id, incarnation, output: { ok: true, result: 'all' } });
    } else if (deed === 'paused') this.fromRuns.push({ type: 'execution.paused', id, epoch: this.stage.state.pauseEpoch });
    else if (deed === 'waiting' || deed === 'continued') this.fromRuns.push({ type: `execution.${deed}`, id });
    else {
      children.delete(id);
      const isCancelled = child.told.includes('execution.cancel');
      const { maxCredits = '0', maxTokens = 0, maxSteps = 0 } = job?.allocation ?? {};
      const creditsUsed = ((BigInt(maxCredits) * BigInt(which)) / 99n).toString();
      const counts = { tokensUsed: Math.floor((maxTokens * which) / 99), stepsExecuted: Math.floor((maxSteps * which) / 99) };
      const failed = isCancelled ? outcome('cancelled', { creditsUsed, reason: 'told' }) : outcome('failed', { creditsUsed, error: DOWN });
      const ended = deed === 'done' ? outcome('completed', { creditsUsed, result: 'done' }) : failed;
      const output = { ...ended, usage: { ...ended.usage, ...counts } };
      if (deed === 'crash') this.fromRuns.push({ type: 'child.crashed', id, incarnation, cause: { name: 'Error', message: 'boom' } });
      else this.fromRuns.push({ type: 'child.done', id, incarnation, output });
    }
  }

  /** Everybody does what they must until the swarm has ended. */
  finish(): void {
    this.#say({ type: 'execution.cancel', reason: 'over' });
    for (let steps = 0; !stageIsOver(this.stage); steps++) {
      assert.ok(steps < 1_000, 'the swarm does not end');
      if (this.stage.children.size > 0) this.#report('fail', 0);
      this.#hearStops();
      this.check();
      while (this.fromPool.length + this.fromRuns.length > 0) {
        this.#deliver(steps);
        this.#hearStops();
        this.check();
      }
    }
  }

  check(): void {
    const { state, children, leases, asked, idleReturns, job } = this.stage;
    const free = freeOf(job.allocation, state.usage, state.reserved);
    assert.ok(BigInt(free.credits) >= 0n, 'more credits are bound than there are');
    assert.ok(Math.min(free.tokens, free.steps, free.memoryMB) >= 0, `more is bound than there is: ${JSON.stringify(free)}`);
    assert.ok(BigInt(state.reserved.credits) >= 0n);
    const { leasing, leased, live } = state;
    if (state.phase === 'coordinating') assert.ok(leasing + leased + live <= job.maxConcurrentTasks, 'too many tasks at once');
    for (const [id, { told }] of children) {
      if (id.startsWith('$') || told.includes('execution.cancel')) continue;
      const { leaseId } = this.stage.record(id);
      const isLosing = this.fromPool.some(({ leaseId: lost, event }) => lost === leaseId && event.type === 'lease.lost');
      assert.ok(leaseId !== undefined && (isLosing || leases.get(leaseId) === 'held'), `${id} works without an agent`);
    }
    for (; this.#read < asked.length; this.#read++) {
      const command = asked[this.#read];
      if (command?.type !== 'lease.return') continue;
      if (this.fromPool.some(({ leaseId }) => leaseId === command.leaseId)) this.crossed.add(command.leaseId);
    }
    // A swarm that is ending no longer books that an agent is lost.
    const isEnding = !['coordinating', 'waiting', 'pausing', 'paused'].includes(state.phase);
    for (const leaseId of idleReturns) {
      const isExcused = this.crossed.has(leaseId) || (isEnding && leases.get(leaseId) === 'lost');
      assert.ok(isExcused, `${leaseId}, which is ${leases.get(leaseId)}, is given back again`);
    }
  }
}

/** A settled swarm has no timer left; one that is restored to its end neither asks nor records anything, and ended alike. */
function checkIsSilent({ stage }: World): void {
  const { job, facts, clock } = stage;
  const again = new SwarmStage({ tasks: [] }, job, folding(evolveSwarm, FRESH_SWARM)(JSON.parse(JSON.stringify(facts))));
  expect([clock.pending, again.clock.pending]).toEqual([0, 0]);
  expect([again.told, again.asked, again.facts]).toEqual([[], [], []]);
  expect(again.outcome).toEqual(stage.outcome);
}

const stageIsOver = (stage: SwarmStage): boolean => stage.outcome !== undefined;

describe('the leases and the credits of a swarm', () => {
  it('are all given back and never more than there are, and after its end it is silent', () => {
    const ends = new Set<string>();
    fc.assert(
      fc.property(tasks, fc.integer({ min: 1, max: 4 }), credits, deeds, (specs, most, maxCredits, doings) => {
        const world = new World(specs, most, maxCredits);
        for (const { deed, which } of doings) {
          world.act(deed, which);
          world.check();
        }
        world.finish();
        world.check();
        const { leases, children, asked, facts, outcome: end } = world.stage;
        ends.add(end?.status ?? '');
        expect([...leases.values()].filter((life) => life === 'held' || life === 'waiting')).toEqual([]);
        expect(children.size).toBe(0);
        expect(asked.at(-1)?.type).toBe('lease.returnAll');
        expect(asked.filter(({ type }) => type === 'lease.returnAll')).toHaveLength(1);
        expect(facts.at(-1)?.type).toBe(`tier1/swarm/coordination_${end?.status}`);
        checkIsSilent(world);
      }),
      { numRuns: 300 },
    );
    expect([...ends].sort()).toEqual(['cancelled', 'completed', 'failed']);
  });
});
