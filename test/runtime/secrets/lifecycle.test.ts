/** When secrets are asked for, what becomes of those that cannot be got, and that they survive nothing but themselves. */

import { describe, expect, it } from 'vitest';
import {
  type AnyTool,
  createRuntime,
  type JsonObject,
  MemoryJournal,
  type RuntimeOptions,
  runProcess,
  SwarmchartError,
  type ToolContext,
} from '../../../src/index.ts';
import { secretsOf } from '../../../src/runtime/secrets/secrets.ts';
import { VirtualClock } from '../../../src/testing/testing.ts';
import { startSecretWorld } from './secret-world.ts';

const HOUR = 3_600_000;
const oneStep = (more: object = {}) =>
  ({ id: 'w', steps: [{ id: 'a', tool: 'use', parameters: { key: '{{secrets.KEY}}' }, ...more }] }) as never;

async function outcomeOf(secrets: NonNullable<RuntimeOptions['secrets']>, use: AnyTool['run'] = () => 'ok', more: object = {}) {
  await using world = await startSecretWorld({ secrets, tools: [{ name: 'use', run: use }] });
  const run = world.runtime.run(oneStep(more));
  await world.clock.advanceAsync(HOUR);
  const result = await run.result();
  return { result, seen: await world.seen([run.executionId], [result]), facts: await world.journal.read(run.executionId), world };
}

describe('a secret that is a function', () => {
  it('stays secret for as long as somebody works with it, however many others are given meanwhile', async () => {
    let given = 0;
    const held = Promise.withResolvers<void>();
    const use = async ({ wait, key }: JsonObject) => {
      if (wait === true) await held.promise;
      return `worked with ${String(key)}`;
    };
    const secrets = { KEY: () => `value-made-for-attempt-${++given}` };
    await using world = await startSecretWorld({ secrets, tools: [{ name: 'use', run: use }] });
    const start = (wait: boolean) => world.runtime.run(oneStep({ parameters: { key: '{{secrets.KEY}}', wait } })).result();
    const first = start(true);
    for (let n = 0; n < 120; n++) expect(await start(false)).toMatchObject({ result: 'worked with [secret:KEY]' });
    held.resolve();
    expect(await first).toMatchObject({ result: 'worked with [secret:KEY]' });
    expect(world.runtime.vitals.secretsCaught).toBe(0);
    expect(world.runtime.scrub('value-made-for-attempt-90')).toBe('[secret:KEY]');
    expect(world.runtime.scrub('value-made-for-attempt-5'), 'no longer in use').toBe('value-made-for-attempt-5');
  });

  it('stays secret while it is among the latest hundred that were given, whenever it was given first', async () => {
    const others = (from: number) => Array.from({ length: 60 }, (_, n) => `another-value-${from + n}`);
    const given = ['the-first-value', ...others(0), 'the-first-value', ...others(60)];
    const secrets = secretsOf({ KEY: () => given.shift() });
    const { signal } = new AbortController();
    while (given.length > 0) await secrets.get('KEY', signal);
    expect(secrets.scrub('of the-first-value')).toBe('of [secret:KEY]');
    expect(secrets.scrub('of another-value-5'), 'forgotten').toBe('of another-value-5');
  });

  it('is asked for every attempt, so that one that was replaced is used at once; the old value stays secret', async () => {
    const values = ['first-value', 'second-value', 'third-value'];
    const used: unknown[] = [];
    const asked: object[] = [];
    const KEY = ({ name, signal }: { name: string; signal: AbortSignal }) => {
      asked.push({ name, isAborted: signal.aborted });
      return values[asked.length - 1];
    };
    const use = ({ key }: JsonObject) => {
      used.push(key);
      if (used.length < 3) throw new Error(`${String(key)} was refused, and so was ${String(used[0])}`);
      return used;
    };
    const { result, seen } = await outcomeOf({ KEY }, use, { retry: 2 });
    expect(used).toEqual(values);
    expect(asked).toEqual(Array.from({ length: 3 }, () => ({ name: 'KEY', isAborted: false })));
    expect(result.result).toEqual(['[secret:KEY]', '[secret:KEY]', '[secret:KEY]']);
    for (const text of seen) for (const value of values) expect(text).not.toContain(value);
  });

  it('may give any of them: one function for all names', async () => {
    const { result } = await outcomeOf(
      ({ name }) => (name === 'KEY' ? 'value-of-key' : undefined),
      ({ key }) => String(key).length,
    );
    expect(result.result).toBe('value-of-key'.length);
  });

  it('fails the attempt when it fails, as its error says, and is asked again', async () => {
    let asked = 0;
    const KEY = () => (++asked === 1 ? Promise.reject(new Error('the vault is closed')) : 'value-of-key');
    const { result, facts } = await outcomeOf({ KEY }, () => 'ok', { retry: 1 });
    const failed = facts.find(({ type }) => type === 'tier3/attempt/failed');
    expect(failed?.payload).toMatchObject({
      error: { code: 'EXECUTION_FAILED', errorClass: 'transient', message: 'The secret "KEY" could not be got: the vault is closed' },
    });
    expect(result.result).toBe('ok');
  });

  it.each([
    ['nothing', undefined, 'SECRET_NOT_FOUND', 'The secret "KEY" has no value'],
    ['an empty text', '', 'SECRET_NOT_FOUND', 'The secret "KEY" has no value'],
    ['too little to tell it from other text', 'short', 'INVALID_VALUE', /is shorter than 6 characters/],
    ['no text', 123_456, 'INVALID_VALUE', /must be a text, got number/],
    ['what would stand in its place', 'secret:KEY', 'INVALID_VALUE', /is part of \[secret:KEY\]/],
  ])('that gives %s fails its step for good, before any work', async (_what, value, code, message) => {
    let calls = 0;
    const { result } = await outcomeOf({ KEY: () => value as string }, () => ++calls, { retry: 3 });
    expect(result.error).toMatchObject({ code, errorClass: 'validation', message: expect.stringMatching(message) });
    expect(calls).toBe(0);
  });

  it('is waited for no longer than its step', async () => {
    const signals: AbortSignal[] = [];
    await using world = await startSecretWorld({
      tools: [{ name: 'use', run: () => 'never' }],
      secrets: {
        KEY: ({ signal }) => {
          signals.push(signal);
          return new Promise<string>(() => undefined);
        },
      },
    });
    const run = world.runtime.run(oneStep());
    await world.clock.advanceAsync(1_000);
    await run.cancel('enough');
    await world.clock.advanceAsync(10);
    expect((await run.result()).status).toBe('cancelled');
    expect([signals.map(({ aborted }) => aborted), world.runtime.vitals.abandoned]).toEqual([[true], 0]);
  });
});

describe('a secret that there is not', () => {
  it('fails a tool that asks for it, with the names that are alike', async () => {
    const use = (_: unknown, { secret }: ToolContext) => secret('KEI');
    const { result } = await outcomeOf({ KEY: 'value-of-key' }, use, { retry: 3 });
    expect(result.error).toMatchObject({ code: 'SECRET_NOT_FOUND', message: expect.stringContaining('Did you mean "KEY"?') });
    expect(result.error?.message).not.toContain('value-of-key');
  });

  it('harms nobody when nobody waits for the answer', async () => {
    const use = (_: unknown, { secret }: ToolContext) => {
      void secret('NONE');
      return 'ok';
    };
    expect((await outcomeOf({ KEY: 'value-of-key' }, use)).result.result).toBe('ok');
  });

  it('in a runtime without any', async () => {
    const runtime = await createRuntime({ tools: [{ name: 'use', run: (_, { secret }) => secret('KEY') }] });
    const result = await runtime.run({ id: 'w', steps: [{ id: 'a', tool: 'use', parameters: {} }] }).result();
    expect(result.error).toMatchObject({ code: 'SECRET_NOT_FOUND', message: 'There is no secret "KEY".' });
    await runtime.stop();
  });
});

describe('secrets that make no sense', () => {
  it.each([
    ['a text', 'value', /^secrets must be an object of secrets by name, or a function/],
    ['a list', ['value-of-key'], /^secrets must be an object/],
    ['a name that cannot be referred to', { 'a.b': 'value-of-key' }, /^secrets\["a\.b"\] is no name of a secret/],
    ['a short value', { KEY: 'pin' }, /^secrets\.KEY is shorter than 6 characters/],
    [
      'a variable of the environment that is not set',
      { KEY: undefined },
      /must be a text, got undefined: a function may have none, such as/,
    ],
    ['no text', { KEY: 12_345_678 }, /must be a text, got number/],
  ])('are refused when the runtime is created: %s', async (_what, secrets, message) => {
    const refused = createRuntime({ secrets: secrets as never });
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_VALUE' });
    await expect(refused).rejects.not.toThrow(/value-of-key|12345678|pin"/);
  });

  it('are all named at once', async () => {
    const refused = createRuntime({ secrets: { A: 'a', 'b c': 'long-enough', D: null as never } });
    await expect(refused).rejects.toMatchObject({ code: 'WORKFLOW_INVALID', issues: [{}, {}, {}] });
  });
});

describe('a process', () => {
  it('shows no secret: not in its output, nor in its command line, though that was cut within one, nor when it fails', async () => {
    const KEY = 'value-of-the-key-of-the-process';
    const program = 'console.log(process.argv[2]); console.error(process.argv[2]); process.exit(Number(process.argv[1]))';
    const padding = 'x'.repeat(300 - `${process.execPath} -e  1  ${JSON.stringify(program)}`.length - KEY.length / 2);
    const use = ({ key, code }: JsonObject, { signal }: ToolContext) =>
      runProcess([process.execPath, '-e', program, String(code), String(key)], { signal }).then((ended) => ended.stdout);
    const cut = ({ key }: JsonObject, { signal }: ToolContext) =>
      runProcess([process.execPath, '-e', program, '1', `${padding}${String(key)}`], { signal });
    await using runtime = await createRuntime({
      secrets: { KEY },
      tools: [
        { name: 'use', run: use },
        { name: 'cut', run: cut },
      ],
    });
    const resultOf = async (tool: string, code: number) => {
      const steps = [{ id: 'a', tool, parameters: { key: '{{secrets.KEY}}', code } }];
      return JSON.stringify(await runtime.run({ id: 'w', steps } as never).result());
    };
    const texts = [await resultOf('use', 0), await resultOf('use', 1), await resultOf('cut', 1)];
    for (const text of texts) expect(text).toContain('[secret:KEY]');
    for (const text of texts) expect(text).not.toContain(KEY.slice(0, 8));
    expect(texts[2]).toContain('[secret:KEY]…');
  });
});

describe('a value that a client tells', () => {
  it('in the input, a variable or a signal is told nobody', async () => {
    const got: unknown[] = [];
    await using world = await startSecretWorld({
      secrets: { KEY: 'value-of-key' },
      tools: [{ name: 'use', run: (input) => void got.push(input) }],
    });
    const steps = [
      { id: 's', type: 'wait', signal: 'go' },
      { id: 'a', tool: 'use', parameters: { all: ['{{given}}', '{{told}}', '${s.result}'] } },
    ];
    const run = world.runtime.run({ id: 'w', steps } as never, { input: { given: 'value-of-key', told: '' } });
    await world.clock.advanceAsync(1_000);
    await run.setVariable('told', 'it is value-of-key');
    await run.signal('go', ['value-of-key']);
    await world.clock.advanceAsync(1_000);
    const result = await run.result();
    expect(JSON.stringify(got)).toMatch(/^\[\{"all":\["\[secret:KEY\]","it is \[secret:KEY\]",.*\[secret:KEY\]/);
    for (const text of await world.seen([run.executionId], [result])) expect(text).not.toContain('value-of-key');
    expect(world.runtime.vitals.secretsCaught).toBe(0);
  });

  it('that was known only later is caught at the last door, and counted', async () => {
    await using world = await startSecretWorld({
      secrets: { KEY: () => 'value-of-key' },
      tools: [
        { name: 'early', run: () => 'value-of-key' },
        { name: 'use', run: () => 'ok' },
      ],
    });
    const steps = [
      { id: 'e', tool: 'early', parameters: {} },
      { id: 'a', tool: 'use', parameters: { key: '{{secrets.KEY}}', after: '${b.status}' } },
      { id: 'b', tool: 'use', parameters: {} },
    ];
    const run = world.runtime.run({ id: 'w', steps: [...steps, { id: 'x', type: 'wait', duration: 10 }] } as never);
    await world.clock.advanceAsync(1_000);
    expect((await run.result()).success).toBe(true);
    const late = (await world.journal.read(run.executionId)).filter(({ type }) => type === 'tier2/routine/completed');
    expect(late).toHaveLength(1);
    expect(JSON.stringify(late)).not.toContain('value-of-key');
    expect(world.runtime.vitals.secretsCaught).toBe(1);
  });
});

describe('after a restart', () => {
  it('an interrupted step gets its secret again, also within a nested run', async () => {
    const journal = new MemoryJournal();
    const clock = new VirtualClock();
    const got: unknown[] = [];
    let isFirstLife = true;
    const use: AnyTool = {
      name: 'use',
      run: (input) => {
        got.push(input);
        return isFirstLife ? new Promise<never>(() => undefined) : 'ok';
      },
    };
    const body = { steps: [{ id: 'i', tool: 'use', parameters: { auth: 'Bearer {{options.key}}' } }] };
    const steps = [{ id: 'n', type: 'workflow', workflow: body, parameters: { options: { key: '{{secrets.KEY}}' } } }];
    const options = (value: string) => ({ clock, journal, tools: [use], secrets: { KEY: value } });
    const first = await createRuntime(options('value-before'));
    const { executionId } = first.run({ id: 'w', steps } as never);
    await clock.advanceAsync(1_000);
    const facts = structuredClone(await journal.read(executionId));
    isFirstLife = false;
    const second = await createRuntime({ ...options('value-after'), journal: new MemoryJournal() });
    const restored = await second.restore(facts);
    await clock.advanceAsync(1_000);
    expect((await restored.result()).result).toBe('ok');
    expect(got).toEqual([{ auth: 'Bearer value-before' }, { auth: 'Bearer value-after' }]);
    expect(JSON.stringify(facts)).not.toContain('value-before');
    await Promise.all([first.stop({ graceMs: 0 }), second.stop({ graceMs: 0 })]);
  });
});

it('an error of ours that a source throws keeps its class', async () => {
  const KEY = () => Promise.reject(new SwarmchartError('NOT_PERMITTED', 'not for you'));
  const { result, facts } = await outcomeOf({ KEY }, () => 'ok', { retry: 5 });
  expect(result.error).toMatchObject({ errorClass: 'permanent', message: expect.stringContaining('not for you') });
  expect(facts.filter(({ type }) => type === 'tier3/attempt/failed')).toEqual([]);
});
