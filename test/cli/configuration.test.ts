import { defineConfig } from 'swarmchart';
import { describe, expect, it, vi } from 'vitest';
import { CONFIG, oneStep, Workspace } from './terminal-for-test.ts';

async function withConfig(text: string): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  using folder = new Workspace({ 'w.yaml': oneStep('echo', ', parameters: { message: hi }'), 'swarmchart.config.mjs': text });
  return await folder.run('run', 'w.yaml');
}

describe('swarmchart.config', () => {
  it('says of what class errors are', async () => {
    const text = `export default {
      tools: [{ name: 'echo2', run: () => { throw new Error('gone'); } }],
      classify: () => 'permanent',
    };`;
    using folder = new Workspace({ 'w.yaml': oneStep('echo2', ', retry: 2'), 'swarmchart.config.mjs': text });
    const { stdout } = await folder.run('run', 'w.yaml', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ error: { errorClass: 'permanent', retryable: false }, resourcesUsed: { stepsExecuted: 1 } });
  });

  it('supplies tools, modules, strategies and conditions', async () => {
    const config = `export default {
      tools: [{ name: 'add', run: ({ a, b }) => a + b }],
      modules: { text: { shout: ({ text }) => text.toUpperCase() } },
      strategies: { twice: async ({ callTool }) => [await callTool(), await callTool()] },
      conditions: { always: () => true },
      breakers: { tool: { failureThreshold: 1 }, layer: false },
      recovery: { transient: { maxRetries: 1, backoff: { strategy: 'fixed', baseMs: 0, factor: 1, maxMs: 0, jitter: 0 } } },
    };`;
    const workflow = `id: w
steps:
  - { id: sum, tool: add, strategy: twice, parameters: { a: 1, b: 2 }, when: { type: custom, handler: always } }
  - { id: loud, type: module-operation, module: text, operation: shout, parameters: { text: "sum" } }
`;
    using folder = new Workspace({ 'w.yaml': workflow, 'swarmchart.config.mjs': config });
    const { exitCode, stdout } = await folder.run('run', 'w.yaml', '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ result: { sum: [3, 3], loud: 'SUM' } });
  });

  it('is taken from where --config says', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('describe'), 'settings/other.mjs': CONFIG });
    expect(await folder.run('run', 'w.yaml', '--config', 'settings/other.mjs')).toMatchObject({ exitCode: 0 });
    expect(await folder.run('validate', 'w.yaml', '--config', 'settings/other.mjs')).toMatchObject({ exitCode: 0, stderr: '' });
    const missing = await folder.run('run', 'w.yaml', '--config', 'settings/none.mjs');
    expect(missing.exitCode).toBe(2);
    expect(missing.stderr).toContain('There is no configuration file settings/none.mjs');
  });

  it.each([
    ['throws', 'throw new Error("no licence key");', 'could not be loaded: no licence key'],
    ['throws what is no Error', 'throw "nothing";', 'could not be loaded: nothing'],
    ['imports what is not there', 'import "./missing.mjs"; export default {};', 'could not be loaded: '],
    ['has a syntax error', 'export default {', 'could not be loaded: '],
    ['exports nothing by default', 'export const tools = [];', 'has no default export'],
    ['exports no object', 'export default [];', 'the default export is an object such as { tools: [...] }'],
    ['has an unknown key', 'export default { tool: [] };', 'tool: means nothing here. Did you mean "tools"?'],
    ['has no list of tools', 'export default { tools: {} };', 'tools: is a list of tools'],
    ['has a tool twice', 'const t = { name: "t", run() {} }; export default { tools: [t, t] };', 'tools[1]: There is another tool "t"'],
    ['has a strategy that is no function', 'export default { strategies: { s: 1 } };', 'strategies.s: is a strategy: a function'],
    ['has an operation that is no function', 'export default { modules: { m: { o: 1 } } };', 'modules.m.o: is an operation: a function'],
    [
      'has a breaker of an unknown scope',
      'export default { breakers: { tol: {} } };',
      'breakers.tol: "tol" means nothing here. Did you mean "tool"?',
    ],
    ['has half a breaker', 'export default { breakers: { tool: { resetMs: "x" } } };', 'breakers.tool.resetMs: Expected'],
    [
      'has retries for errors that are never tried again',
      'export default { recovery: { dependency: { maxRetries: 2 } } };',
      'recovery.dependency.maxRetries: Errors of class dependency are never tried again.',
    ],
    [
      'has a watchdog with another key',
      'export default { watchdog: { blockMs: 9 } };',
      'watchdog.blockMs: means nothing here. Did you mean "blockedMs"?',
    ],
    ['has no function that classes errors', 'export default { classify: 5 };', 'classify: is a function'],
    ['has an unknown class of errors', 'export default { recovery: { often: {} } };', '"often" means nothing here'],
    ['has no list of agents', 'export default { agents: {} };', 'agents: is a list of agents'],
    [
      'has an agent that can do nothing',
      'export default { agents: [{ id: "a" }] };',
      'agents[0]: is an agent: { id, capabilities: [...] }',
    ],
    [
      'has an agent twice',
      'const a = { id: "a", capabilities: ["b"] }; export default { agents: [a, a] };',
      'agents[1].id: There is an agent "a" already',
    ],
    ['has a planner that is no function', 'export default { planner: "me" };', 'planner: is a function'],
    [
      'has knowledge that cannot be asked',
      'export default { knowledge: {} };',
      'knowledge: is an object with the functions find and remember',
    ],
    ['has a synthesis that is no function', 'export default { synthesize: {} };', 'synthesize: is a function'],
    [
      'has a strategy that means nothing',
      'export default { recovery: { transient: { maxRetries: -1 } } };',
      'recovery.transient.maxRetries: ',
    ],
    ['asks for no number of plans', 'export default { escalation: { replans: "many" } };', 'escalation.replans: '],
  ])('is refused when it %s', async (_, text, message) => {
    const { exitCode, stdout, stderr } = await withConfig(text);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('is refused with every problem at once', async () => {
    const { stderr } = await withConfig('export default { tools: [{ name: "" }, 7], conditions: { c: true } };');
    expect(stderr).toContain('has 4 problems');
    for (const path of ['tools[0].name', 'tools[0].run', 'tools[1]', 'conditions.c']) expect(stderr).toContain(`\n  ${path}: `);
  });

  it('is refused with every problem of its tools and agents at once', async () => {
    const { stderr } = await withConfig(`const t = { name: 't', run() {} };
      const a = { id: 'a', capabilities: ['b'] };
      export default { tools: [t, t], agents: [a, { ...a, maxConcurrentTasks: 0 }, { id: 'c', capabilities: [], hobby: 1, initialize: 2 }] };`);
    expect(stderr.split('\n').slice(0, -1)).toEqual([
      'error: The configuration swarmchart.config.mjs has 6 problems:',
      '  tools[1]: There is another tool "t"',
      '  agents[1].id: There is an agent "a" already',
      '  agents[1].maxConcurrentTasks: Expected at least 1; it is 0.',
      '  agents[2].capabilities: Expected at least 1 item; it has 0.',
      '  agents[2].initialize: Expected a function; it is 2.',
      '  agents[2].hobby: "hobby" means nothing here.',
    ]);
  });

  it.each([
    ['a file is only checked', ['validate', 'w.yaml'], 0],
    ['a file is refused', ['run', 'broken.yaml'], 2],
    ['the input is refused', ['run', 'w.yaml', '--input', 'no'], 2],
    ['there is no such file', ['run', 'none.yaml'], 2],
  ])('starts no agent when %s', async (_, argv, exitCode) => {
    const config = `const shout = (text) => () => console.error(text);
      export default { agents: [{ id: 'a', capabilities: ['b'], initialize: shout('born'), dispose: shout('gone') }] };`;
    using folder = new Workspace({ 'w.yaml': oneStep('echo'), 'broken.yaml': oneStep('ecko'), 'swarmchart.config.mjs': config });
    const shown = vi.spyOn(console, 'error').mockImplementation(() => {});
    expect((await folder.run(...argv)).exitCode).toBe(exitCode);
    expect(shown).not.toHaveBeenCalled();
    shown.mockRestore();
  });

  it('gets its type from defineConfig, which changes nothing', () => {
    const configuration = { tools: [{ name: 't', run: () => 1 }] };
    expect(defineConfig(configuration)).toBe(configuration);
  });
});
