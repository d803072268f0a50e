import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { CONFIG, FakeTerminal, Workspace } from './terminal-for-test.ts';

const MIXED = `id: mixed
steps:
  - { id: good, tool: describe }
  - { id: stubborn, tool: fail-twice, retry: { maxRetries: 3, backoff: { strategy: fixed, baseMs: 1 } } }
  - { id: needless, tool: describe, when: "1 == 2" }
  - { id: broken, tool: fail, onFailure: continue }
`;

const manySteps = (count: number, tool: string): string =>
  JSON.stringify({
    id: 'many',
    steps: Array.from({ length: count }, (_, index) => ({ id: `s${index}`, tool, parameters: { message: 'x' }, onFailure: 'continue' })),
  });

async function onTerminal(folder: Workspace, argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<FakeTerminal> {
  const terminal = new FakeTerminal(folder.folder, { isTTY: true, env });
  await main(argv, terminal);
  return terminal;
}

/** What is left on the screen: the last drawing and what follows it. */
const lastScreen = ({ err }: FakeTerminal): string => stripVTControlCharacters(err.text.slice(err.text.lastIndexOf('\u001b[1A') + 4));

describe('progress', () => {
  it('draws a row for each step on a terminal, and leaves them there', async () => {
    using folder = new Workspace({ 'w.yaml': MIXED, 'swarmchart.config.mjs': CONFIG });
    const terminal = await onTerminal(folder, ['run', 'w.yaml', '--json']);
    const screen = lastScreen(terminal);
    for (const row of [
      /4 of 4 steps, 1 failed, 1 skipped/,
      /✔ good {2}\d+ ms/,
      /✔ stubborn {2}\d+ ms/,
      /needless {2}skipped: .*condition/,
      /✖ broken .*out of paper/,
    ]) {
      expect(screen).toMatch(row);
    }
    expect(terminal.err.text).toContain('\u001b[?25l');
    expect(terminal.err.text.lastIndexOf('\u001b[?25h')).toBeGreaterThan(terminal.err.text.lastIndexOf('\u001b[?25l'));
    expect(JSON.parse(terminal.out.text)).toMatchObject({ status: 'completed' });
  });

  it.each([true, false])('says what was undone, and what could not be (a terminal: %s)', async (isTTY) => {
    const text = `id: trip
steps:
  - { id: train, tool: describe, compensate: { tool: describe } }
  - { id: hotel, tool: describe, compensate: { tool: fail }, dependencies: [train] }
  - { id: pay, tool: fail, dependencies: [hotel] }
`;
    using folder = new Workspace({ 'w.yaml': text, 'swarmchart.config.mjs': CONFIG });
    const terminal = new FakeTerminal(folder.folder, { isTTY });
    expect(await main(['run', 'w.yaml'], terminal)).toBe(1);
    const shown = isTTY ? lastScreen(terminal) : terminal.err.text;
    const lines = isTTY
      ? [/✖ hotel {2}.*out of paper/, /✔ train {2}undone\n/]
      : [/^not undone hotel {2}.*out of paper/m, /^undone {4}train\n/m];
    for (const line of lines) expect(shown).toMatch(line);
  });

  it('keeps the row of a failed run from looking well, and the exit code from depending on it', async () => {
    using folder = new Workspace({ 'w.yaml': 'id: w\nsteps: [{ id: only, tool: fail }]\n', 'swarmchart.config.mjs': CONFIG });
    const terminal = new FakeTerminal(folder.folder, { isTTY: true });
    expect(await main(['run', 'w.yaml'], terminal)).toBe(1);
    expect(lastScreen(terminal)).toMatch(/✖ 1 of 1 step, 1 failed/);
  });

  it.each([
    ['CI is set', { CI: 'true' }, []],
    ['the terminal is dumb', { TERM: 'dumb' }, []],
  ])('is plain where %s', async (_, env, argv) => {
    using folder = new Workspace({ 'w.yaml': MIXED, 'swarmchart.config.mjs': CONFIG });
    const terminal = await onTerminal(folder, ['run', 'w.yaml', ...argv], env);
    expect(terminal.err.text).not.toContain('\u001b');
    expect(terminal.err.text).toContain('completed good');
  });

  it('counts thousands of steps instead of listing them, and lists those that fail', async () => {
    using folder = new Workspace({ 'w.json': manySteps(3_000, 'echo'), 'swarmchart.config.mjs': CONFIG });
    const { exitCode, stderr } = await folder.run('run', 'w.json', '--json');
    expect(exitCode).toBe(0);
    expect(stderr.split('\n').length).toBeLessThan(20);
    expect(stderr).toContain('300 of 3000 steps\n');
    expect(stderr).toContain('many completed: 3000 of 3000 steps');
    folder.write('w.json', manySteps(40, 'fail'));
    expect((await folder.run('run', 'w.json', '--json')).stderr.match(/^failed /gm)).toHaveLength(40);
  });

  it('counts them on a terminal as well', async () => {
    using folder = new Workspace({ 'w.json': manySteps(1_000, 'echo') });
    const terminal = await onTerminal(folder, ['run', 'w.json', '--json']);
    const screen = lastScreen(terminal);
    expect(stripVTControlCharacters(terminal.err.text)).toContain('1000 of 1000 steps');
    expect(screen.split('\n').length).toBeLessThan(10);
  });

  it('names steps within steps by their path, and counts those of the workflow alone', async () => {
    const body = 'steps: [{ id: say, tool: echo, parameters: { message: "{{item}}" } }]';
    const steps = `steps:\n  - { id: each, type: map, over: [a, b], ${body} }\n  - { id: say, tool: echo, parameters: { message: c } }\n`;
    using folder = new Workspace({ 'w.yaml': `id: w\n${steps}` });
    const { exitCode, stderr } = await folder.run('run', 'w.yaml', '--json');
    expect(exitCode).toBe(0);
    for (const name of ['each', 'each:0/say', 'each:1/say', 'say']) {
      expect(stderr.match(new RegExp(`^completed ${name} `, 'gm'))).toHaveLength(1);
    }
    expect(stderr).toContain('w completed: 2 of 2 steps');
  });
});
