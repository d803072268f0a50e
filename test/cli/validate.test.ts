import { describe, expect, it } from 'vitest';
import { CONFIG, GREETING, oneStep, Workspace } from './terminal-for-test.ts';

const BROKEN = `id: broken
steps:
  - { id: a, tool: hang, dependencies: [b] }
  - { id: b, tool: haang, dependencies: [a] }
  - { id: c, tool: hang, timeout: soon }
`;

describe('swarmchart validate', () => {
  it('sums up a file that is fine', async () => {
    using folder = new Workspace({ 'greeting.yaml': GREETING });
    const { exitCode, stdout, stderr } = await folder.run('validate', 'greeting.yaml');
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'greeting.yaml ok: 1 workflow\n  greeting 1.0.0: 2 steps\n' });
    expect(stderr).toContain('There is no swarmchart.config.ts: whether tools, modules, strategies and conditions exist was not checked.');
  });

  it('reports every problem at once with its place, and ends with 2', async () => {
    using folder = new Workspace({ 'w.yaml': BROKEN, 'swarmchart.config.mjs': CONFIG });
    const { exitCode, stdout } = await folder.run('validate', 'w.yaml');
    expect(exitCode).toBe(2);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^w\.yaml:\d+:\d+ steps\[\d\]\.\S+ \S/);
    expect(stdout).toContain('w.yaml:4:20 steps[1].tool There is no tool "haang". Did you mean "hang"?');
    expect(stdout).toMatch(/w\.yaml:5:35 steps\[2\]\.timeout/);
    expect(stdout).toMatch(/a.*b.*a/);
  });

  it('checks tools only where a configuration names some', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('unheard-of') });
    expect(await folder.run('validate', 'w.yaml')).toMatchObject({ exitCode: 0 });
    folder.write('swarmchart.config.mjs', CONFIG);
    const { exitCode, stdout, stderr } = await folder.run('validate', 'w.yaml');
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: '' });
    expect(stdout).toContain('There is no tool "unheard-of"');
  });

  it('knows from the configuration that nobody can do a task of a swarm', async () => {
    const swarm = 'swarm: s\ngoal: g\ntasks:\n  - { id: t, tool: echo, requiredCapabilities: [flying] }\n';
    using folder = new Workspace({ 's.yaml': swarm });
    expect(await folder.run('validate', 's.yaml')).toMatchObject({ exitCode: 0 });
    folder.write('swarmchart.config.mjs', "export default { agents: [{ id: 'a', capabilities: ['walking'] }] };");
    for (const command of ['validate', 'run']) {
      const { exitCode, stdout, stderr } = await folder.run(command, 's.yaml');
      expect(exitCode).toBe(2);
      expect(stdout + stderr).toContain('s.yaml:4:5 tasks[0] No agent can do the task "t": nobody has "flying".');
    }
  });

  it('gives the same as data with --json', async () => {
    using folder = new Workspace({ 'w.yaml': BROKEN, 'greeting.yaml': GREETING });
    const broken = JSON.parse((await folder.run('validate', 'w.yaml', '--json')).stdout) as { readonly issues: readonly object[] };
    expect(broken).toMatchObject({ v: 1, valid: false, file: 'w.yaml', toolsChecked: false, workflows: [] });
    expect(broken.issues).toContainEqual({
      code: 'INVALID_VALUE',
      path: ['steps', 2, 'timeout'],
      message: expect.any(String),
      line: 5,
      column: 35,
    });
    const fine: unknown = JSON.parse((await folder.run('validate', 'greeting.yaml', '--json')).stdout);
    expect(fine).toMatchObject({ valid: true, workflows: [{ id: 'greeting', name: 'greeting', version: '1.0.0', steps: 2 }], issues: [] });
  });

  it('reports a syntax error with its place', async () => {
    using folder = new Workspace({ 'w.yaml': 'id: w\nsteps: [\n' });
    const { exitCode, stdout } = await folder.run('validate', 'w.yaml');
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/^w\.yaml:\d+:\d+ /);
  });

  it('requires the workflow that is named', async () => {
    using folder = new Workspace({ 'greeting.yaml': GREETING });
    expect(await folder.run('validate', 'greeting.yaml', '--workflow', 'greeting')).toMatchObject({ exitCode: 0 });
    const { exitCode, stderr } = await folder.run('validate', 'greeting.yaml', '--workflow', 'greting');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Did you mean "greeting"?');
  });

  it.each([
    ['a file that is not there', ['validate', 'nowhere.yaml'], 'nowhere.yaml: there is no such file'],
    ['a folder', ['validate', '.'], '.: that is a folder'],
    ['no file at all', ['validate'], 'Name a workflow or swarm file, or ask for --schema'],
  ])('refuses %s', async (_, argv, message) => {
    using folder = new Workspace();
    const { exitCode, stderr } = await folder.run(...argv);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });

  it('prints the JSON Schema without a file', async () => {
    using folder = new Workspace();
    const { exitCode, stdout } = await folder.run('validate', '--schema');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ title: 'Swarmchart workflow' });
  });
});
