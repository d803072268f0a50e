/** A new run that takes over what another one did before a step, and does the rest again. */

import { describe, expect, it } from 'vitest';
import { type Fact, type Journal, replay, rerun, type WorkflowDefinition } from '../../../src/index.ts';
import { CountingJournal } from '../../support/counting-journal.ts';
import { HOUR, payloadOf, startWorld, storyOf } from '../run/start-world.ts';

const asSteps = (steps: object[]) => steps as unknown as WorkflowDefinition['steps'];
const step = (id: string, after: readonly string[] = [], more: object = {}) => ({ id, tool: 'work', dependencies: after, ...more });
const value = (given: unknown) => ({ parameters: { value: given } });
const broken = { parameters: { failures: 9 } };
/** Fails as long as the input says so. */
const mended = { parameters: { failures: '{{failures}}' } };
const chain = asSteps([step('a'), step('b', ['a'], value('${a.result}')), step('c', ['b'], mended), step('d', ['c'])]);

const factsOf = (journal: Pick<Journal, 'read'>, executionId: string): Promise<readonly Fact[]> => journal.read(executionId);

async function failedChain() {
  const world = await startWorld();
  const first = world.run(chain, { input: { failures: 9 } });
  const { result, facts } = await world.finish(first);
  expect(result.status).toBe('failed');
  world.calls.splice(0);
  return { ...world, first, facts, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

describe('a rerun of a run that failed', () => {
  it('does the step again and what depends on it, and takes over what came before', async () => {
    await using world = await failedChain();
    const again = await world.runtime.rerun('run-1', { from: 'c', input: { failures: 0 } });
    const { result, facts } = await world.finish(again);
    expect(again.executionId).toBe('run-2');
    expect(result).toMatchObject({ status: 'completed', result: 'd' });
    expect(world.calls.map(({ key }) => key)).toEqual(['run-2/c/1', 'run-2/d/1']);
    expect(storyOf(facts).slice(0, 3)).toEqual(['reused a', 'reused b', 'started c']);
  });

  it('records what it took over in one commit with its start, so that its stream alone is enough', async () => {
    await using world = await failedChain();
    const journal = new CountingJournal();
    await using other = await startWorld({ journal });
    const again = await other.runtime.rerun(world.facts, { from: 'c', input: { failures: 0 }, executionId: 'mended' });
    await other.clock.advanceAsync(HOUR);
    expect(await again.result()).toMatchObject({ status: 'completed', result: 'd' });
    const [started, first, second, third] = await factsOf(journal, 'mended');
    expect(journal.commits.get('mended')?.[0]).toBe(4);
    expect(started?.payload).toMatchObject({ job: { rerunOf: { executionId: 'run-1', from: 'c' }, input: { failures: 0 } } });
    const settled = (stepId: string) =>
      world.facts.find(({ type, payload }) => type === 'tier2/step/completed' && (payload as { stepId: string }).stepId === stepId)?.seq;
    expect([first?.payload, second?.payload]).toEqual([
      { stepId: 'a', ordinal: 0, status: 'completed', output: 'a', from: { executionId: 'run-1', seq: settled('a') } },
      { stepId: 'b', ordinal: 1, status: 'completed', output: 'a', from: { executionId: 'run-1', seq: settled('b') } },
    ]);
    expect(third?.type).toBe('tier2/step/started');
  });

  it('costs what ran again, and nothing for what did not', async () => {
    await using world = await startWorld();
    const steps = asSteps([step('a', [], { credits: '5' }), step('b', ['a'], { credits: '3', ...mended })]);
    await world.finish(world.run(steps, { input: { failures: 9 }, allocation: { maxCredits: '8', maxSteps: 2 } }));
    const { result } = await world.finish(await world.runtime.rerun('run-1', { from: 'b', input: { failures: 0 } }));
    expect(result).toMatchObject({ status: 'completed', resourcesUsed: { creditsUsed: '3', stepsExecuted: 1 } });
  });

  it('shows in its snapshot whose result a step has', async () => {
    await using world = await failedChain();
    const again = await world.runtime.rerun('run-1', { from: 'c', input: { failures: 0 } });
    await world.finish(again);
    const { steps } = await again.snapshot();
    expect(steps.map(({ id, status, reused, attempts }) => [id, status, reused?.executionId, attempts])).toEqual([
      ['a', 'completed', 'run-1', 0],
      ['b', 'completed', 'run-1', 0],
      ['c', 'completed', undefined, 1],
      ['d', 'completed', undefined, 1],
    ]);
    expect(replay(await factsOf(world.journal, 'run-2'), { to: 2 }).changes).toEqual([
      { executionId: 'run-2', stepId: 'a', from: 'pending', to: 'completed' },
    ]);
  });

  it('leaves the other run as it was, and can itself be rerun', async () => {
    await using world = await failedChain();
    const again = await world.runtime.rerun('run-1', { from: 'c' });
    await world.finish(again);
    expect(again.status).toBe('failed');
    const third = await world.runtime.rerun('run-2', { from: 'c', input: { failures: 0 } });
    const { result, facts } = await world.finish(third);
    expect(result.status).toBe('completed');
    expect(payloadOf(facts, 'tier2/step/reused', 'b')).toMatchObject({ output: 'a', from: { executionId: 'run-2' } });
    expect(await factsOf(world.journal, 'run-1')).toEqual(world.facts);
  });

  it('belongs to the same user, swarm and correlation', async () => {
    await using world = await startWorld();
    const context = { userId: 'ann', swarmId: 'team', correlationId: 'order-7', executionId: 'first' };
    await world.finish(world.run(asSteps([step('a')]), { context }));
    const again = await world.runtime.rerun('first', { from: 'a', executionId: 'second' });
    await world.finish(again);
    expect(again.context).toMatchObject({ ...context, executionId: 'second' });
    expect(world.runtime.blackboard('team').get('wf')?.value).toBe('a');
  });
});

describe('a rerun of a run that ended otherwise, or not at all', () => {
  it.each(['completed', 'cancelled', 'running'])('takes over what had completed when it was %s', async (how) => {
    await using world = await startWorld();
    const first = world.run(asSteps([step('a'), step('b', ['a'], { parameters: { ms: 5_000 } })]));
    await world.clock.advanceAsync(how === 'completed' ? 60_000 : 2_000);
    if (how === 'cancelled') await first.cancel();
    await world.clock.advanceAsync(10);
    expect(first.status).toBe(how);
    const before = world.calls.length;
    const again = await world.runtime.rerun(first.executionId, { from: 'b' });
    const { result } = await world.finish(again);
    expect(result.status).toBe('completed');
    expect(world.calls.slice(before).map(({ key }) => key)).toEqual(['run-2/b/1']);
  });

  it('takes over what is sound of a stream that breaks off', async () => {
    await using world = await failedChain();
    const cut = world.facts.findIndex(
      ({ type, payload }) => type === 'tier2/step/completed' && (payload as { stepId: string }).stepId === 'a',
    );
    const again = await world.runtime.rerun(world.facts.slice(0, cut + 1), { from: 'b', input: { failures: 0 } });
    await world.finish(again);
    expect(world.calls.map(({ step: each }) => each)).toEqual(['b', 'c', 'd']);
  });
});

describe('what a rerun does again', () => {
  const diamond = asSteps([step('a'), step('left', ['a']), step('right', ['a']), step('end', ['left', 'right']), step('aside')]);

  it('is what depends on the step; what does not is taken over although it came later', async () => {
    await using world = await startWorld();
    const { facts } = await world.finish(world.run(diamond));
    const { again, reused } = rerun(facts, { from: 'left' });
    expect(again).toEqual(['left', 'end']);
    expect(reused.map(({ stepId }) => stepId)).toEqual(['a', 'right', 'aside']);
  });

  it('includes what has no result yet, wherever it is', async () => {
    await using world = await startWorld();
    const steps = asSteps([step('a'), step('b', ['a']), step('aside', [], mended)]);
    const { facts } = await world.finish(world.run(steps, { input: { failures: 9 } }));
    expect(rerun(facts, { from: 'b' }).again).toEqual(['b', 'aside']);
  });

  it('includes what was undone, and what depends on that', async () => {
    await using world = await startWorld();
    const undo = { compensate: { tool: 'other' } };
    const steps = asSteps([step('book', [], undo), step('pay', ['book']), step('list'), step('ship', ['pay', 'list'], mended)]);
    const { facts } = await world.finish(world.run(steps, { input: { failures: 9 } }));
    expect(storyOf(facts, /^tier2\/step\/compensated/)).toEqual(['compensated book']);
    const { again, reused } = rerun(facts, { from: 'ship' });
    expect(again).toEqual(['book', 'pay', 'ship']);
    expect(reused.map(({ stepId }) => stepId)).toEqual(['list']);
    const undoing = facts.findIndex(({ type }) => type === 'tier2/routine/failing');
    expect(rerun(facts.slice(0, undoing + 1), { from: 'ship' }).again).toEqual(['book', 'pay', 'ship']);
  });

  it('is not undone with it: a rerun that fails undoes what it did itself', async () => {
    await using world = await startWorld();
    const undo = { compensate: { tool: 'other' } };
    const steps = asSteps([step('book', [], undo), step('pay', ['book'], undo), step('ship', ['pay'], mended)]);
    await world.finish(world.run(steps, { input: { failures: 0 } }));
    const { facts } = await world.finish(await world.runtime.rerun('run-1', { from: 'pay', input: { failures: 9 } }));
    expect(storyOf(facts, /^tier2\/step\/compensated/)).toEqual(['compensated pay']);
  });

  it('is not what failed where that failed nothing else: its error is taken over', async () => {
    await using world = await startWorld();
    const steps = asSteps([step('a', [], { ...broken, onFailure: 'continue' }), step('b', ['a'], value('${a.error.message}'))]);
    await world.finish(world.run(steps));
    const { result, facts } = await world.finish(await world.runtime.rerun('run-1', { from: 'b' }));
    expect(payloadOf(facts, 'tier2/step/reused', 'a')).toMatchObject({ status: 'failed', error: { code: 'EXECUTION_FAILED' } });
    expect(result.result).toBe('attempt 1 failed as told');
  });
});

describe('a rerun from a step within a group', () => {
  const branches = (more: object = {}) =>
    asSteps([
      step('a'),
      {
        id: 'both',
        type: 'parallel',
        dependencies: ['a'],
        ...more,
        steps: [step('left'), step('right', [], mended), step('after', ['right'])],
      },
      step('end', ['both']),
    ]);

  it('takes over its siblings, and does the group and what depends on it again', async () => {
    await using world = await startWorld();
    await world.finish(world.run(branches(), { input: { failures: 9 } }));
    world.calls.splice(0);
    const { result } = await world.finish(await world.runtime.rerun('run-1', { from: 'right', input: { failures: 0 } }));
    expect(result.status).toBe('completed');
    expect(world.calls.map(({ step: each }) => each)).toEqual(['right', 'after', 'end']);
  });

  it('does not ask again whether the group may be entered, nor which branch is taken', async () => {
    await using world = await startWorld();
    const steps = asSteps([
      {
        id: 'choice',
        type: 'conditional',
        condition: 'input.big',
        then: [
          step('x'),
          { id: 'both', type: 'parallel', dependencies: ['x'], when: 'input.big', steps: [step('y', [], mended), step('z')] },
        ],
        else: [step('n')],
      },
    ]);
    await world.finish(world.run(steps, { input: { failures: 9, big: true } }));
    world.calls.splice(0);
    const { result, facts } = await world.finish(await world.runtime.rerun('run-1', { from: 'y', input: { failures: 0, big: false } }));
    expect(world.calls.map(({ step: each }) => each)).toEqual(['y']);
    expect(result).toMatchObject({ status: 'completed', result: [{ stepId: 'y' }, { stepId: 'z', value: 'z' }] });
    expect(payloadOf(facts, 'tier2/step/reused', 'choice')).toMatchObject({ status: 'entered', branch: 'then' });
  });

  it('keeps to the cap of the group', async () => {
    await using world = await startWorld();
    const many = ['p', 'q', 'r', 's'].map((id) => step(id, [], id === 'q' ? mended : {}));
    const steps = asSteps([{ id: 'all', type: 'parallel', maxConcurrency: 1, steps: many }]);
    await world.finish(world.run(steps, { input: { failures: 9 } }));
    world.calls.splice(0);
    const again = await world.runtime.rerun('run-1', { from: 'all', input: { failures: 0 } });
    await world.finish(again);
    expect(world.calls.map(({ step: each }) => each)).toEqual(['p', 'q', 'r', 's']);
    expect(world.calls.every(({ from }, index) => index === 0 || from >= (world.calls[index - 1]?.to ?? 0))).toBe(true);
  });
});

describe('the input of a rerun', () => {
  const inputs = { failures: { type: 'number' }, place: { type: 'string', default: 'here' } };
  const workflow = { input: inputs } as Partial<WorkflowDefinition>;

  it('is laid over what the run had: its input, and what was set until the step began', async () => {
    await using world = await startWorld();
    const steps = asSteps([
      step('a', [], { parameters: { ms: 2_000 } }),
      step('b', ['a'], value('{{place}} {{late}} {{n}}')),
      step('c', ['b'], { parameters: { ms: 5_000 } }),
    ]);
    const first = world.run(steps, { input: { place: 'here', late: 'no', n: 1 } });
    await world.clock.advanceAsync(1_000);
    await first.setVariable('place', 'there');
    await world.clock.advanceAsync(3_000);
    await first.setVariable('late', 'yes');
    await world.finish(first);
    const again = await world.runtime.rerun(first.executionId, { from: 'b', input: { n: 2 } });
    const { facts } = await world.finish(again);
    expect(payloadOf(facts, 'tier2/step/completed', 'b')).toMatchObject({ output: 'there no 2' });
  });

  it('is checked as that of any run, every problem at once', async () => {
    await using world = await startWorld();
    await world.finish(world.run(chain, { input: { failures: 9 } }, workflow));
    const asked = world.runtime.rerun('run-1', { from: 'e', input: { failures: 'none', plaice: 'x' } });
    await expect(asked).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      issues: [
        { path: ['from'], message: expect.stringContaining('has no step "e"') },
        { path: ['input', 'plaice'], message: 'The workflow takes no input "plaice". Did you mean "place"?' },
        { path: ['input', 'failures'], message: 'The input "failures" is no number but string.' },
      ],
    });
    expect(world.runtime.vitals.executions).toBe(0);
  });

  it.each([
    [{}, 'from'],
    [{ from: 7, input: [], form: 'a' }, 'input'],
    [{ from: 'a', executionId: 'a/b' }, 'executionId'],
    [undefined, 'object'],
  ])('is refused with the options that hold it: %j', async (options, word) => {
    await using world = await failedChain();
    const error = await world.runtime.rerun('run-1', options as never).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining(word) });
  });
});

describe('a rerun is refused', () => {
  const problemOf = (facts: readonly Fact[], from: string): string => {
    try {
      rerun(facts, { from });
    } catch (error) {
      return (error as Error).message;
    }
    return 'none';
  };

  it('for an execution that the journal does not have', async () => {
    await using world = await failedChain();
    await expect(world.runtime.rerun('run-9', { from: 'a' })).rejects.toMatchObject({
      code: 'EXECUTION_NOT_FOUND',
      message: 'The journal has no execution "run-9"',
    });
    await expect(world.runtime.rerun('run-1/a/1', { from: 'a' })).rejects.toMatchObject({
      code: 'EXECUTION_NOT_FOUND',
      message: 'The journal has no execution "run-1/a/1"; it may be part of "run-1", of which only the whole can be rerun',
    });
  });

  it('under an id that is taken', async () => {
    await using world = await failedChain();
    await expect(world.runtime.rerun('run-1', { from: 'c', executionId: 'run-1' })).rejects.toMatchObject({ code: 'DUPLICATE_EXECUTION' });
  });

  it('for what is neither an id nor facts', async () => {
    await using world = await failedChain();
    for (const source of [undefined, 7, {}, []])
      await expect(world.runtime.rerun(source as never, { from: 'a' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('for facts that are no stream, that cannot be read, or that say nothing that makes sense', async () => {
    await using world = await failedChain();
    const [started, ...others] = world.facts as [Fact, ...Fact[]];
    const hostile = new Proxy([...world.facts], {
      get(facts, key) {
        if (key === 'filter') throw new Error('no');
        return Reflect.get(facts, key);
      },
    });
    const job = { ...(started.payload as { readonly job: object }).job, plan: { steps: [{}], ordinals: { a: 0 } } };
    for (const facts of [others, hostile, [{ ...started, payload: {} }], [{ ...started, payload: { job } }]])
      await expect(world.runtime.rerun(facts, { from: 'a' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(world.runtime.vitals.executions).toBe(0);
  });

  it('from a step that there is not, or that is part of what runs as a whole', async () => {
    await using world = await startWorld();
    const body = [step('inner')];
    const steps = asSteps([
      step('fetch'),
      { id: 'each', type: 'map', over: [1], steps: body },
      {
        id: 'again',
        type: 'loop',
        maxIterations: 1,
        steps: [{ id: 'call', type: 'workflow', workflow: { id: 'w', steps: [step('deep')] } }],
      },
    ]);
    const { facts } = await world.finish(world.run(steps));
    expect(problemOf(facts, 'fetsch')).toBe('from Run "run-1" has no step "fetsch". Did you mean "fetch"? It has "fetch", "each", "again"');
    expect(problemOf(facts, 'inner')).toBe('from Step "inner" is part of the map "each", which runs as a whole: rerun from "each"');
    expect(problemOf(facts, 'deep')).toBe('from Step "deep" is part of the loop "again", which runs as a whole: rerun from "again"');
    expect(problemOf(facts, 'each')).toBe('none');
    expect(problemOf(facts, 'constructor')).toContain('has no step "constructor"');
  });

  it('from a step that was never reached, and names what it waits for', async () => {
    await using world = await startWorld();
    const { facts } = await world.finish(world.run(asSteps([step('a', [], broken), step('b', ['a']), step('c', ['b'])])));
    expect(problemOf(facts, 'b')).toBe('from Step "b" was never reached: "a" has no committed result. Rerun from "a"');
    expect(problemOf(facts, 'c')).toBe('from Step "c" was never reached: "a", "b" have no committed result. Rerun from "a"');
    expect(problemOf(facts, 'a')).toBe('none');
  });

  it('from a step in a branch that was not taken, or in a group that was not entered', async () => {
    await using world = await startWorld();
    const steps = asSteps([
      { id: 'choice', type: 'conditional', condition: 'true', then: [step('yes')], else: [step('no')] },
      { id: 'maybe', type: 'parallel', when: 'false', steps: [step('inside')] },
    ]);
    const { facts } = await world.finish(world.run(steps));
    expect(problemOf(facts, 'no')).toBe('from Step "no" was never reached: "choice" took its branch "then". Rerun from "choice"');
    expect(problemOf(facts, 'inside')).toBe('from Step "inside" was never reached: its group "maybe" was not entered. Rerun from "maybe"');
    expect(problemOf(facts, 'yes')).toBe('none');
  });

  it('of a run that was refused, a swarm, or a single step', async () => {
    await using world = await startWorld();
    await world.runtime.run({ id: 'none', steps: [] } as never).result();
    expect(problemOf(await factsOf(world.journal, 'run-1'), 'a')).toMatch(/^from Run "run-1" has no steps: it was refused \(/);
    const { runtime } = world;
    await runtime.swarm({ id: 's', goal: 'g', agents: [], tasks: [] } as never, { context: { executionId: 'swarm' } }).result();
    await runtime.tier3.execute({ input: { stepId: 'x', toolName: 'work', parameters: { ms: 0 } }, context: { executionId: 'lone' } });
    expect(problemOf(await factsOf(world.journal, 'swarm'), 'a')).toBe(
      'Only a run can be rerun; "swarm" is a swarm, whose tasks are not rerun one by one',
    );
    expect(problemOf(await factsOf(world.journal, 'lone'), 'a')).toBe('Only a run can be rerun; "lone" is a single step: execute it again');
  });
});
