/** Secrets on the command line: from the configuration, known when a file is validated, and never printed. */

import { describe, expect, it } from 'vitest';
import { Command } from './command-for-test.ts';
import { Workspace } from './terminal-for-test.ts';

const KEY = 'the-key-of-the-api';
const CONFIG = `
export default {
  secrets: { API_KEY: '${KEY}', LATER: () => 'a-later-secret' },
  tools: [
    { name: 'use', run: ({ key }, { log }) => { log.warn({ key }, 'used ' + key); return { [key]: [key] }; } },
    { name: 'fail', run: ({ key }) => { throw new TypeError('refused ' + key, { cause: new Error(key) }); } },
    { name: 'stray', run: ({ key }) => { setImmediate(() => { throw new Error('stray ' + key); }); return new Promise(() => {}); } },
  ],
};`;
const workflow = (tool: string, parameters: object = { key: '{{secrets.API_KEY}}' }) =>
  JSON.stringify({ id: 'w', steps: [{ id: 'only', tool, parameters }] });
const folderWith = (text: string, config = CONFIG) => new Workspace({ 'w.json': text, 'swarmchart.config.mjs': config });

describe('swarmchart', () => {
  it.each([
    ['use', ['--jsonl', '--verbose'], 0],
    ['use', ['--json'], 0],
    ['use', [], 0],
    ['fail', ['--jsonl'], 1],
    ['fail', [], 1],
  ])('run prints no secret: tool %s, %j', async (tool, flags, code) => {
    using folder = folderWith(workflow(tool));
    const { exitCode, stdout, stderr } = await folder.run('run', 'w.json', ...flags);
    expect(exitCode).toBe(code);
    expect(stdout + stderr).toContain('[secret:API_KEY]');
    expect(stdout + stderr).not.toContain(KEY);
  });

  it('run prints no secret of an error that nobody caught', async () => {
    using folder = folderWith(workflow('stray'));
    const command = new Command(folder, ['run', 'w.json'], { SWARMCHART_DEBUG: '1' });
    expect(await command.exitCode()).toBe(1);
    expect(command.stderr).toContain('stray [secret:API_KEY]');
    expect(command.stdout + command.stderr).not.toContain(KEY);
  });

  it.each(['validate', 'run'])('%s knows the secrets of the configuration', async (command) => {
    using folder = folderWith(workflow('use', { key: '{{secrets.API_KEI}} {{secrets.LATER}}' }));
    const { exitCode, stdout, stderr } = await folder.run(command, 'w.json');
    expect(exitCode).toBe(2);
    expect(stdout + stderr).toMatch(/w\.json.*steps\[0\]\.parameters\.key There is no secret "API_KEI"\. Did you mean "API_KEY"\?/);
  });

  it('run says where secrets come from when there is no configuration', async () => {
    using folder = new Workspace({ 'w.json': workflow('echo', { message: '{{secrets.API_KEY}}' }) });
    const { stderr } = await folder.run('run', 'w.json');
    expect(stderr).toMatch(/There is no secret "API_KEY"\.[\s\S]*secrets come from a swarmchart\.config\.ts/);
  });

  it('names every problem of the secrets of a configuration, and no value', async () => {
    using folder = folderWith(
      workflow('echo', { message: 'x' }),
      `export default { secrets: { SHORT: 'pin-1', 'a b': 'long-enough', N: 12345678 } }`,
    );
    const { exitCode, stderr } = await folder.run('validate', 'w.json');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /has 3 problems:[\s\S]*secrets\.SHORT: is shorter than 6[\s\S]*secrets\["a b"\]: is no name[\s\S]*secrets\.N: must be a text, got number/,
    );
    expect(stderr).not.toMatch(/pin-1|long-enough|12345678/);
  });
});
