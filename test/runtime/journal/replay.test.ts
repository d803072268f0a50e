/** The state of an execution at any of its facts, from the facts alone. */

import { describe, expect, it } from 'vitest';
import { type Fact, type Replay, replay, SwarmchartError, type WorkflowDefinition } from '../../../src/index.ts';
import { type Pick, type Story, seeded, simulate } from '../../../src/testing/testing.ts';
import { climbingSwarm } from '../../simulation/ladder-stories.ts';
import { everyKind, runsWithinRuns } from '../../simulation/stories.ts';
import { wholeSwarm } from '../../simulation/swarm-stories.ts';
import { startRuntime } from '../../support/start-runtime.ts';
import { startWorld } from '../run/start-world.ts';

const asSteps = (steps: object[]) => steps as unknown as WorkflowDefinition['steps'];
const statusesOf = ({ executions: [root] }: Replay) =>
  Object.fromEntries(root?.kind === 'run' ? root.snapshot.steps.map(({ id, status }) => [id, status]) : []);
const refusal = (act: () => unknown) => {
  try {
    act();
  } catch (error) {
    return error as SwarmchartError;
  }
  throw new Error('nothing was refused');
};

async function factsOfChain(): Promise<readonly Fact[]> {
  await using world = await startWorld();
  return (
    await world.finish(
      world.run(
        asSteps([
          { id: 'a', tool: 'work' },
          { id: 'b', tool: 'work', dependencies: ['a'] },
        ]),
      ),
    )
  ).facts;
}

describe('a replay', () => {
  it('shows the whole stream, the root first, when no fact is named', async () => {
    const facts = await factsOfChain();
    const { fact, facts: count, executions, changes } = replay(facts);
    expect(fact).toEqual(facts.at(-1));
    expect(count).toBe(facts.length);
    expect(executions.map(({ executionId, kind, snapshot }) => [executionId, kind, snapshot.status])).toEqual([
      ['run-1', 'run', 'completed'],
      ['run-1/a/1', 'step', 'completed'],
      ['run-1/b/1', 'step', 'completed'],
    ]);
    expect(executions[1]?.parentExecutionId).toBe('run-1');
    expect(changes).toEqual([{ executionId: 'run-1', from: 'running', to: 'completed' }]);
  });

  it('shows at any fact what was true then, and what the fact changed', async () => {
    const facts = await factsOfChain();
    const seqOf = (type: string, stepId: string) =>
      facts.find((fact) => fact.type === type && (fact.payload as { readonly stepId?: string }).stepId === stepId)?.seq ?? 0;
    const begun = replay(facts, { to: 1 });
    expect(statusesOf(begun)).toEqual({ a: 'pending', b: 'pending' });
    expect(begun.changes).toEqual([{ executionId: 'run-1', to: 'running' }]);
    const done = replay(facts, { to: seqOf('tier2/step/completed', 'a') });
    expect(statusesOf(done)).toEqual({ a: 'completed', b: 'pending' });
    expect(done.changes).toEqual([{ executionId: 'run-1', stepId: 'a', from: 'running', to: 'completed' }]);
  });

  it('shows a wait, what it is for and until when', async () => {
    await using world = await startWorld();
    const run = world.run(asSteps([{ id: 'ok', type: 'wait', approval: { prompt: 'Sure?' }, timeout: 60_000 }]));
    await world.clock.advanceAsync(10);
    const { executions } = replay(await world.journal.read(run.executionId));
    expect(executions[0]).toMatchObject({ kind: 'run', snapshot: { status: 'waiting', waiting: [{ stepId: 'ok' }] } });
    expect(executions[1]).toMatchObject({ kind: 'wait', snapshot: { status: 'waiting', for: { type: 'approval', prompt: 'Sure?' } } });
    await run.decide('ok', { decision: 'approve', value: 7 });
    await world.clock.advanceAsync(10);
    const ended = replay(await world.journal.read(run.executionId));
    expect(ended.executions[1]).toMatchObject({ kind: 'wait', snapshot: { status: 'completed', result: 7 } });
  });

  it('is at the last fact what the live execution says of itself, also of a swarm', async () => {
    await using world = await startRuntime({ tools: [{ name: 'work', run: () => 1 }] });
    const agents = [{ id: 'ann', capabilities: ['work'] }];
    const steps = [{ id: 'a', tool: 'work' }];
    const tasks = [
      { id: 'one', requiredCapabilities: ['work'], steps },
      { id: 'two', requiredCapabilities: ['work'], steps: [{ id: 'go', type: 'wait', signal: 'go' }] },
    ];
    const swarm = world.runtime.swarm({ id: 'both', goal: 'Do both', agents, tasks } as never);
    for await (const { type } of swarm.facts()) if (type === 'tier1/swarm/waiting') break;
    const run = world.runtime.run({
      id: 'wf',
      steps: asSteps([
        { id: 'a', tool: 'work' },
        { id: 'go', type: 'wait', signal: 'go' },
      ]),
    });
    for await (const { type } of run.facts()) if (type === 'tier2/routine/waiting') break;
    for (const handle of [swarm, run]) {
      const { executions } = replay(await world.journal.read(handle.executionId));
      expect(executions[0]?.snapshot).toEqual(await handle.snapshot());
    }
  });

  it('shows also what crashed before it could begin', async () => {
    let isArmed = true;
    const fact = () => {
      if (!isArmed) return;
      isArmed = false;
      throw new Error('boom');
    };
    await using world = await startRuntime({ faults: { fact } });
    await world.runtime.run({ id: 'wf', steps: asSteps([{ id: 'a', tool: 'work' }]) }).result();
    const { executions, changes } = replay(await world.journal.read('run-1'));
    expect(executions).toMatchObject([
      { executionId: 'run-1', kind: 'run', snapshot: { status: 'failed', error: { code: 'ACTOR_CRASHED' }, steps: [] } },
    ]);
    expect(changes).toEqual([{ executionId: 'run-1', to: 'failed' }]);
  });

  it('refuses what is no stream, with every problem at once', async () => {
    const facts = await factsOfChain();
    const [first, second, third] = facts as [Fact, Fact, Fact];
    const refused = (given: unknown) => refusal(() => replay(given as Fact[]));
    expect(refused([]).message).toBe('(root) A stream without facts says nothing');
    expect(refused('run-1').message).toBe('(root) Facts are a list, got run-1');
    expect(refused([second, third]).issues.map(({ message }) => message)).toEqual([
      'The stream begins with fact 2: 1 is missing',
      'A stream begins with the start of a swarm, a run or a step, not with "tier2/step/started"',
    ]);
    const error = refused([first, null, { ...third, stream: 'other', tier: 'tier9' }, ...facts.slice(5), { ...first, v: 99, at: 'noon' }]);
    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    expect(error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)).toEqual([
      '1: A fact is an object, got null',
      '2.tier: It must be "tier1", "tier2" or "tier3", got tier9',
      '2.stream: It is of another stream: "other" and not "run-1"',
      '3.seq: Fact 6 comes after fact 3: 4 to 5 are missing',
      `${facts.length - 2}.at: It must be a number, got noon`,
      `${facts.length - 2}.v: It must be a version up to 1, got 99`,
      `${facts.length - 2}.seq: Fact 1 comes after fact ${facts.length}`,
    ]);
  });

  it('refuses facts that cannot be read, and payloads that make no sense', async () => {
    const facts = await factsOfChain();
    const hostile = new Proxy([], {
      get() {
        throw new Error('no');
      },
    });
    expect(refusal(() => replay(hostile))).toMatchObject({ code: 'INVALID_INPUT', message: 'The facts cannot be read: no' });
    const torn = facts.map((fact) => (fact.seq === 1 ? { ...fact, payload: {} } : fact));
    expect(refusal(() => replay(torn))).toMatchObject({ code: 'INVALID_INPUT' });
  });

  it.each([0, -1, 1.5, 99, Number.NaN, '2', null])('refuses to go to a fact that the stream does not have: %s', async (to) => {
    const facts = await factsOfChain();
    const error = refusal(() => replay(facts, { to: to as number }));
    expect(error).toBeInstanceOf(SwarmchartError);
    expect(error.code).toBe('INVALID_INPUT');
    expect(error.message).toMatch(new RegExp(`^The stream has the facts 1 to ${facts.length}: there is no fact `));
  });
});

const STORIES: readonly (readonly [string, (pick: Pick) => Story, number])[] = [
  ['everyKind', everyKind, 40],
  ['runsWithinRuns', runsWithinRuns, 40],
  ['wholeSwarm', wholeSwarm, 12],
  ['climbingSwarm', climbingSwarm, 12],
];

/** Every status in a replay, by execution and part. */
function allStatuses({ executions }: Replay): Map<string, string> {
  const found = new Map<string, string>();
  for (const { executionId, kind, snapshot } of executions) {
    found.set(executionId, snapshot.status);
    const parts = kind === 'swarm' ? snapshot.tasks : kind === 'wait' ? [] : snapshot.steps;
    for (const { id, status } of parts) if (status !== 'pending') found.set(`${executionId} ${id}`, status);
  }
  return found;
}

describe.each(STORIES)('the replays of a simulated story, %s', (_, storyOf, seeds) => {
  it('are there for every prefix, know nothing of what comes later, and lead from one to the next by what they say has changed', async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const pick = seeded(seed);
      const { facts } = await simulate(pick, storyOf(pick));
      const statuses = new Map<string, string>();
      for (let to = 1; to <= facts.length; to++) {
        const at = replay(facts, { to });
        const { facts: count, ...early } = replay(facts.slice(0, to));
        expect({ ...early, facts: facts.length }, `seed ${seed}, fact ${to}`).toEqual(at);
        expect(count).toBe(to);
        for (const { executionId, stepId, taskId, from, to: status } of at.changes) {
          const part = stepId ?? taskId;
          const key = part === undefined ? executionId : `${executionId} ${part}`;
          expect(statuses.get(key) ?? (part === undefined ? undefined : 'pending')).toBe(from);
          if (part !== undefined && status === 'pending') statuses.delete(key);
          else statuses.set(key, status);
        }
        if (at.fact.type === 'tier1/swarm/decomposed') for (const key of goneFrom(statuses, at)) statuses.delete(key);
        expect(Object.fromEntries(statuses), `seed ${seed}, fact ${to}, ${at.fact.type}`).toEqual(Object.fromEntries(allStatuses(at)));
      }
    }
  }, 120_000);
});

/** Tasks of a plan that another one has replaced. */
const goneFrom = (statuses: ReadonlyMap<string, string>, at: Replay): readonly string[] => {
  const present = allStatuses(at);
  return [...statuses.keys()].filter((key) => key.includes(' ') && !present.has(key));
};
