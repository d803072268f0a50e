/** A file that uses every kind of step, from its text to its result. */

import { describe, expect, it } from 'vitest';
import { type AnyTool, type JsonObject, loadWorkflow } from '../../../src/index.ts';
import { startRuntime } from '../../support/start-runtime.ts';

const text = `workflows:
  publish:
    input: { books: { type: array }, house: { type: string, default: Ada Press } }
    steps:
      - id: each
        type: map
        over: '{{books}}'
        as: book
        maxConcurrency: 2
        parameters: { press: '{{house}}' }
        steps:
          - { id: printed, type: workflow, workflow: print, parameters: { title: '{{book.title}}', number: '{{index}}' } }
          - { id: boxed, tool: keep, parameters: { box: '\${printed.result}', press: '{{press}}' } }
      - id: proofs
        type: loop
        maxIterations: 5
        until: steps.read.result.round >= 3
        parameters: { count: '\${each.result}' }
        steps:
          - { id: read, tool: keep, parameters: { round: '{{iteration}}', before: '{{previous}}', of: '{{count[0].press}}' }, when: 'input.iteration > 0' }
      - { id: rest, type: wait, duration: 60000, dependencies: [proofs] }
      - { id: paper, type: wait, signal: paper.delivered, dependencies: [rest] }
      - { id: review, type: agent, tool: keep, capabilities: [reading], parameters: { sheets: '\${paper.result.sheets}' } }
      - { id: go, type: wait, approval: { prompt: 'Publish \${review.result.sheets} sheets?', role: editor } }
      - { id: out, tool: keep, parameters: { by: '\${go.result}' }, compensate: { tool: keep, parameters: { undone: '\${out.result.by}' } } }
      - { id: shop, tool: '{{tool}}', dependencies: [out] }
  print:
    input: { title: { type: string }, number: { type: number } }
    steps:
      - { id: press, tool: keep, parameters: { line: '{{number}}: {{title}}' } }
`;

async function house(last: string) {
  const calls: JsonObject[] = [];
  const keep: AnyTool = {
    name: 'keep',
    run: (given: JsonObject) => {
      calls.push(given);
      return given;
    },
  };
  const fail: AnyTool = { name: 'fail', run: () => Promise.reject(new Error('the shop is closed')) };
  const agents = [{ id: 'ann', name: 'Ann', type: 'reader', capabilities: ['reading'] }];
  const world = await startRuntime({ tools: [keep, fail], agents });
  const source = text.replace('{{tool}}', last);
  const workflow = loadWorkflow(source, { registry: world.runtime.registry, workflow: 'publish' });
  const run = world.runtime.run(workflow, { input: { books: [{ title: 'Notes' }, { title: 'Letters' }] } });
  const keyed = (key: string) => calls.filter((call) => Object.hasOwn(call, key));
  return { ...world, run, keyed, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

/** As far as the approval. */
async function upToApproval({ run, clock }: Awaited<ReturnType<typeof house>>): Promise<void> {
  await clock.advanceAsync(100_000);
  expect(await run.signal('paper.delivered', { sheets: 200 })).toBe(true);
  await clock.advanceAsync(1_000);
  expect(run.status).toBe('waiting');
}

describe('a workflow with every kind of step', () => {
  it('does what its text says', async () => {
    await using world = await house('keep');
    await upToApproval(world);
    expect(world.keyed('line').map(({ line }) => line)).toEqual(['0: Notes', '1: Letters']);
    expect(world.keyed('round')).toMatchObject([
      { round: 1, before: null, of: 'Ada Press' },
      { round: 2, before: { round: 1 } },
      { round: 3, before: { round: 2, before: { round: 1 } } },
    ]);
    expect(await world.run.decide('go', { decision: 'approve', role: 'editor', value: 'Edith', by: 'edith' })).toBe(true);
    await world.clock.advanceAsync(10_000);
    expect(await world.run.result()).toMatchObject({ success: true });
    const results = Object.fromEntries((await world.run.snapshot()).steps.map(({ id, result }) => [id, result]));
    expect(results).toMatchObject({
      each: [
        { box: { line: '0: Notes' }, press: 'Ada Press' },
        { box: { line: '1: Letters' }, press: 'Ada Press' },
      ],
      paper: { sheets: 200 },
      review: { sheets: 200 },
      go: 'Edith',
      out: { by: 'Edith' },
    });
    await world.checkInvariants(world.run.executionId);
  });

  it('undoes what it did when a later step fails', async () => {
    await using world = await house('fail');
    await upToApproval(world);
    await world.run.decide('go', { decision: 'approve', role: 'editor', value: 'Edith' });
    await world.clock.advanceAsync(10_000);
    expect(await world.run.result()).toMatchObject({ status: 'failed', error: { message: 'the shop is closed' } });
    expect(world.keyed('undone')).toMatchObject([{ undone: 'Edith' }]);
    await world.checkInvariants(world.run.executionId);
  });
});

describe('a workflow that was created before', () => {
  const greet = (greeting: string) => ({
    id: 'greet',
    input: { who: { type: 'string' as const } },
    steps: [{ id: 'say', tool: 'echo', parameters: { message: `${greeting} {{who}}` } }],
  });
  const party = (id: string) => ({
    id,
    steps: [
      {
        id: 'all',
        type: 'map' as const,
        over: ['Ada', 'Edith'],
        as: 'who',
        steps: [{ id: 'one', type: 'workflow' as const, workflow: 'greet', parameters: { who: '{{who}}' } }],
      },
    ],
  });

  it('can be called by others, which keep the one that they were created with', async () => {
    await using world = await startRuntime();
    const { runtime } = world;
    expect(() => runtime.createWorkflow(party('early'))).toThrow(expect.objectContaining({ code: 'WORKFLOW_NOT_FOUND' }));
    runtime.createWorkflow(greet('Hello'));
    runtime.createWorkflow(party('first'));
    runtime.createWorkflow(greet('Good morning'));
    expect(await runtime.run('first').result()).toMatchObject({ result: ['Hello Ada', 'Hello Edith'] });
    expect(await runtime.run(party('second')).result()).toMatchObject({ result: ['Good morning Ada', 'Good morning Edith'] });
    const { error } = await runtime.run({ id: 'x', steps: [{ id: 'c', type: 'workflow', workflow: 'gret' }] }).result();
    expect(error).toMatchObject({ code: 'WORKFLOW_NOT_FOUND', message: expect.stringContaining('Did you mean "greet"?') });
  });
});
