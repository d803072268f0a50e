/** Secrets in parameters: who gets the value, and that it stays a name for everybody else. */

import { inspect } from 'node:util';
import { Map as PersistentMap } from 'immutable';
import { describe, expect, it } from 'vitest';
import type { AnyTool, Fact, Json, JsonObject, Strategy, ToolContext, WorkflowDefinition } from '../../../src/index.ts';
import { secretsIn } from '../../../src/machines/run.values.ts';
import { startSecretWorld } from './secret-world.ts';

const KEY = 'the-key-of-the-api';
const HOUR = 3_600_000;
const OTHER = 'quite-another-secret';
const secrets = { API_KEY: KEY, OTHER: () => OTHER };

/** Keeps what it is given, and returns what it is told to. */
function spy() {
  const got: unknown[] = [];
  const tool: AnyTool = {
    name: 'spy',
    run: (input: JsonObject) => {
      got.push(structuredClone(input));
      return input['returns'] ?? 'done';
    },
  };
  return { got, tool };
}

async function runWith(steps: WorkflowDefinition['steps'], input: JsonObject = {}, more: object = {}) {
  const { got, tool } = spy();
  const operations = { modules: { mod: { op: (given: unknown) => void got.push(given) } } };
  const world = await startSecretWorld({ tools: [tool], secrets, ...operations, ...more });
  const run = world.runtime.run({ id: 'w', steps } as WorkflowDefinition, { input });
  await world.clock.advanceAsync(HOUR);
  const result = await run.result();
  for (const text of await world.seen([run.executionId], [result])) {
    expect(text).not.toContain(KEY);
    expect(text).not.toContain(OTHER);
  }
  expect(world.runtime.vitals.secretsCaught).toBe(0);
  await world[Symbol.asyncDispose]();
  return { got, result, facts: await world.journal.read(run.executionId) };
}

const step = (parameters: object, more: object = {}) => ({ id: 'a', tool: 'spy', parameters, ...more }) as never;

describe('a secret in the parameters', () => {
  it('of a tool is there for the tool alone, as a whole and within a text', async () => {
    const { got, facts } = await runWith(
      [step({ key: '{{secrets.API_KEY}}', list: [{ header: 'Bearer {{ secrets.API_KEY }} for {{who}}' }] })],
      {
        who: 'Ann',
      },
    );
    expect(got).toEqual([{ key: KEY, list: [{ header: `Bearer ${KEY} for Ann` }] }]);
    expect(JSON.stringify(facts)).toContain('{{secrets.API_KEY}}');
  });

  it('of a module operation, a fallback, and a compensation', async () => {
    const steps = [
      { id: 'm', type: 'module-operation', module: 'mod', operation: 'op', parameters: { k: '{{secrets.OTHER}}' } },
      step({}, { compensate: { tool: 'spy', parameters: { undo: '{{secrets.API_KEY}}' } }, dependencies: ['m'] }),
      {
        id: 'b',
        tool: 'none',
        dependencies: ['a'],
        parameters: {},
        fallbacks: [{ on: 'any', action: 'use-tool', tool: 'spy', parameters: { f: '{{secrets.OTHER}}' } }],
      },
      { id: 'c', tool: 'fail', dependencies: ['b'], parameters: {} },
    ];
    const failing = (name: string): AnyTool => ({ name, run: () => Promise.reject(new TypeError('no')) });
    const { tool, got: calls } = spy();
    const { got } = await runWith(steps as never, {}, { tools: [tool, failing('none'), failing('fail')] });
    expect([got, calls]).toEqual([[{ k: OTHER }], [{}, { f: OTHER }, { undo: KEY }]]);
  });

  it('of a nested run travels by its name: through inputs, texts, merged objects, maps and loops', async () => {
    const inner = { id: 'inner', tool: 'spy', parametersFrom: ['{{options}}'], parameters: { text: 'Bearer {{key}}' } };
    const steps = [
      {
        id: 'n',
        type: 'workflow',
        workflow: { steps: [inner] },
        parameters: { key: '{{secrets.API_KEY}}', options: { auth: { token: 'x{{secrets.OTHER}}' }, text: '{{secrets.OTHER}}' } },
      },
      {
        id: 'l',
        type: 'loop',
        maxIterations: 1,
        dependencies: ['n'],
        parameters: { list: ['{{secrets.API_KEY}}', 'plain', ['{{secrets.OTHER}}']] },
        steps: [
          { id: 'm', type: 'map', over: '{{list}}', maxConcurrency: 1, steps: [{ id: 'i', tool: 'spy', parameters: { of: '{{item}}' } }] },
        ],
      },
    ];
    const { got } = await runWith(steps as never);
    expect(got).toEqual([{ auth: { token: `x${OTHER}` }, text: `Bearer ${KEY}` }, { of: KEY }, { of: 'plain' }, { of: [OTHER] }]);
  });

  it('of a task of a swarm, with a tool and with a workflow of its own', async () => {
    const { got, tool } = spy();
    await using world = await startSecretWorld({ tools: [tool], secrets });
    const swarm = world.runtime.swarm({
      id: 's',
      goal: 'g',
      agents: [{ id: 'a1', capabilities: ['any'] }],
      tasks: [
        { id: 't1', tool: 'spy', parameters: { key: '{{secrets.API_KEY}}' } },
        {
          id: 't2',
          dependencies: ['t1'],
          parameters: { token: 'Bearer {{secrets.OTHER}}' },
          steps: [{ id: 'one', tool: 'spy', parameters: { t: '{{token}}', own: '{{secrets.API_KEY}}' } }],
        },
      ],
    } as never);
    await world.clock.advanceAsync(HOUR);
    const result = await swarm.result();
    expect(result.error ?? null).toBe(null);
    expect(got).toEqual([{ key: KEY }, { t: `Bearer ${OTHER}`, own: KEY }]);
    for (const text of await world.seen([swarm.executionId], [result])) expect(text).not.toMatch(/the-key-of-the-api|quite-another-secret/);
  });

  it('is checked by the schema of the tool as what it is', async () => {
    const seen: unknown[] = [];
    const validate = (value: unknown) => {
      seen.push(value);
      return { value };
    };
    const schema = { '~standard': { version: 1 as const, vendor: 'test', validate } };
    await runWith([step({ key: '{{secrets.API_KEY}}' })], {}, { tools: [{ name: 'spy', input: schema, run: () => null }] });
    expect(seen).toEqual([{ key: KEY }]);
  });

  it('is a name for the strategy, which may show its parameters to a model', async () => {
    const shown: unknown[] = [];
    const strategy = async ({ parameters, callTool }: { parameters: unknown; callTool: () => Promise<unknown> }) => {
      shown.push(structuredClone(parameters));
      return callTool();
    };
    const { got } = await runWith(
      [step({ key: '{{secrets.API_KEY}}' }, { strategy: 'careful' })],
      {},
      { strategies: { careful: strategy } },
    );
    expect([shown, got]).toEqual([[{ key: '{{secrets.API_KEY}}' }], [{ key: KEY }]]);
  });
});

describe('a strategy', () => {
  it('sees no value of a secret in what a tool answers or fails with, and may be asked for all the same', async () => {
    const shown: string[] = [];
    const careful: Strategy = async ({ callTool }) => {
      try {
        const answer = await callTool();
        shown.push(JSON.stringify(answer));
        return answer;
      } catch (thrown) {
        shown.push(inspect(thrown));
        throw thrown;
      }
    };
    const run = ({ key }: JsonObject) => {
      if (key === `Bearer ${KEY}`) throw new TypeError(`401 for ${key}`);
      return { key };
    };
    const steps = [
      step({ key: '{{secrets.API_KEY}}' }, { strategy: 'careful' }),
      step({ key: 'Bearer {{secrets.API_KEY}}' }, { id: 't', strategy: 'deterministic' }),
    ];
    await runWith(steps, {}, { tools: [{ name: 'spy', run }], strategies: { careful, deterministic: careful } });
    expect(shown).toEqual(['{"key":"[secret:API_KEY]"}', expect.stringMatching(/^TypeError: 401 for Bearer \[secret:API_KEY\]/)]);
    expect(shown.join()).not.toContain(KEY);
  });
});

describe('what only looks like a reference to a secret', () => {
  it('is nothing that a rerun is given in the place of what the run before had from its author', async () => {
    const { got, tool } = spy();
    await using world = await startSecretWorld({ tools: [tool], secrets });
    const child = { id: 'w', input: { key: { type: 'string' } }, steps: [step({ key: '{{key}}' })] } as WorkflowDefinition;
    const run = world.runtime.run(child, { input: { key: '{{secrets.API_KEY}}' } });
    await run.result();
    const [first, ...rest] = (await world.journal.read(run.executionId)) as [Fact, ...Fact[]];
    const { job, ...payload } = first.payload as { readonly job: object };
    const sealedIn = [{ path: ['key'], parts: [{ secret: 'API_KEY' }] }];
    const facts = [{ ...first, payload: { ...payload, job: { ...job, secrets: sealedIn } } }, ...rest];
    const again = await world.runtime.rerun(facts, { from: 'a', executionId: 'again', input: { key: 'from a caller' } });
    await again.result();
    expect(got).toEqual([{ key: '{{secrets.API_KEY}}' }, { key: 'from a caller' }]);
  });

  const TRAP = '{{secrets.API_KEY}}';

  it('stays what it is in an input, in a text beside one, and in what a tool returned', async () => {
    const steps = [
      step({ returns: { trap: '{{trap}}' }, all: '{{all}}', text: '{{secrets.OTHER}} {{trap}}' }),
      {
        id: 'b',
        tool: 'spy',
        parametersFrom: ['${a.result}', '{{all}}'],
        parameters: { again: '${a.result.trap}', text: 'x ${a.result.trap}' },
      },
    ];
    const { got } = await runWith(steps as never, { trap: TRAP, all: { deep: [TRAP] } });
    expect(got).toEqual([
      { returns: { trap: TRAP }, all: { deep: [TRAP] }, text: `${OTHER} ${TRAP}` },
      { trap: TRAP, deep: [TRAP], again: TRAP, text: `x ${TRAP}` },
    ]);
  });

  it('stays what it is in the items of a map and the input of a nested run', async () => {
    const steps = [
      { id: 'm', type: 'map', over: '{{list}}', steps: [{ id: 'i', tool: 'spy', parameters: { of: '{{item}}', n: 'n {{item}}' } }] },
      {
        id: 'n',
        type: 'workflow',
        dependencies: ['m'],
        workflow: { steps: [step({ t: '{{trap}}' })] },
        parameters: { trap: '{{list[0]}}' },
      },
    ];
    const { got } = await runWith(steps as never, { list: [TRAP] });
    expect(got).toEqual([{ of: TRAP, n: `n ${TRAP}` }, { t: TRAP }]);
  });

  it('is data where it has taken the place of a variable that held one', () => {
    const secretText = (path: readonly string[]) => ({ path, parts: [{ secret: 'API_KEY' }] });
    const job = { input: { key: TRAP, list: [TRAP] }, secrets: [secretText(['key']), secretText(['list', '0'])] };
    const variables = PersistentMap<string, Json>(Object.entries(job.input));
    expect(secretsIn(job, variables)).toEqual(job.secrets);
    expect(secretsIn(job, variables.set('list', [TRAP, 'more']))).toEqual([secretText(['key'])]);
    expect(secretsIn(job, variables.delete('key'))).toEqual([secretText(['list', '0'])]);
  });

  it('stays what it is for a tool that is called without a workflow, and in tasks without one', async () => {
    const { got, tool } = spy();
    await using world = await startSecretWorld({ tools: [tool], secrets });
    const called = world.runtime.tier3.execute({ input: { stepId: 's', toolName: 'spy', parameters: { a: TRAP } } });
    const listed = Promise.resolve(world.runtime.tasks.parallel([{ tool: 'spy', parameters: { b: TRAP } }]));
    await world.clock.advanceAsync(HOUR);
    await Promise.all([called, listed]);
    expect(got).toEqual([{ a: TRAP }, { b: TRAP }]);
  });
});

describe('a context', () => {
  it('gives a tool the secrets that it asks for, each once for an attempt', async () => {
    let asked = 0;
    const values: string[] = [];
    const run = async (_input: unknown, { secret }: ToolContext) =>
      void values.push(...(await Promise.all([secret('COUNTED'), secret('COUNTED')])));
    const steps = [{ id: 'a', tool: 'ask', parameters: { also: '{{secrets.COUNTED}}' } }];
    await runWith(steps as never, {}, { tools: [{ name: 'ask', run }], secrets: { COUNTED: () => `counted-${++asked}` } });
    expect(values).toEqual(['counted-1', 'counted-1']);
  });

  it('gives an agent the secrets that it asks for, and shows nothing of what it fails with', async () => {
    const got: string[] = [];
    await using world = await startSecretWorld({ secrets });
    const broken = world.runtime.agents.register({
      id: 'agent',
      capabilities: ['c'],
      initialize: async ({ secret }: { secret(name: string): Promise<string> }) => {
        got.push(await secret('OTHER'));
        throw new Error(`cannot log in with ${OTHER}`);
      },
    } as never);
    const refused = expect(broken).rejects.toThrow('cannot log in with [secret:OTHER]');
    await world.clock.advanceAsync(HOUR);
    await refused;
    expect(new Set(got)).toEqual(new Set([OTHER]));
    for (const text of await world.seen([])) expect(text).not.toContain(OTHER);
    expect(world.runtime.vitals.secretsCaught).toBe(0);
  });
});
