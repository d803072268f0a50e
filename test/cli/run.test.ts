import { describe, expect, it } from 'vitest';
import { CONFIG, GREETING, oneStep, parseLines, Workspace } from './terminal-for-test.ts';

describe('swarmchart run', () => {
  it('prints the result alone on stdout, progress on stderr, and ends with 0', async () => {
    using folder = new Workspace({ 'greeting.yaml': GREETING });
    const { exitCode, stdout, stderr } = await folder.run('run', 'greeting.yaml', '--input', 'name=Ada');
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'Good morning, Ada!\n' });
    expect(stderr).toMatch(
      /^run \w{16}\nstarted {3}greet\ncompleted greet .*\nstarted {3}again\ncompleted again .*\ngreeting completed: 2 of 2 steps, .*\n$/,
    );
  });

  it('runs a JSON file, and prints a structured result as YAML', async () => {
    const workflow = { id: 'w', steps: [{ id: 'only', tool: 'describe', parameters: { a: 1 } }] };
    using folder = new Workspace({ 'w.json': JSON.stringify(workflow), 'swarmchart.config.mjs': CONFIG });
    const { stdout } = await folder.run('run', 'w.json');
    expect(stdout).toBe('input:\n  a: 1\nlist:\n  - 1\n  - 2\n');
  });

  it('prints one versioned object with --json', async () => {
    using folder = new Workspace({ 'greeting.yaml': GREETING });
    const { stdout } = await folder.run('run', 'greeting.yaml', '--input', 'name=Ada', '--json');
    expect(JSON.parse(stdout)).toEqual({
      v: 1,
      status: 'completed',
      result: 'Good morning, Ada!',
      error: null,
      resourcesUsed: { creditsUsed: '0', durationMs: expect.any(Number), memoryUsedMB: 0, stepsExecuted: 2 },
      duration: expect.any(Number),
      executionId: expect.any(String),
      workflow: 'greeting',
    });
  });

  it('says what was used, when it cost something', async () => {
    const steps = [{ id: 'only', tool: 'echo', parameters: { message: 'hi' }, credits: 2, tokens: 30 }];
    using folder = new Workspace({ 'w.json': JSON.stringify({ id: 'w', steps }) });
    const { stderr } = await folder.run('run', 'w.json');
    expect(stderr).toMatch(/^w completed: 1 of 1 step, .*, 2 credits, 30 tokens$/m);
    expect(JSON.parse((await folder.run('run', 'w.json', '--json')).stdout)).toMatchObject({
      resourcesUsed: { creditsUsed: '2', tokensUsed: 30 },
    });
  });

  it('prints every fact as a line with --jsonl, and the result last', async () => {
    using folder = new Workspace({ 'greeting.yaml': GREETING });
    const { stdout } = await folder.run('run', 'greeting.yaml', '--input', 'name=Ada', '--jsonl');
    const lines = parseLines(stdout);
    expect(lines.at(-1)).toMatchObject({ type: 'result', v: 1, status: 'completed', result: 'Good morning, Ada!' });
    expect(lines.at(0)).toMatchObject({ type: 'tier2/routine/started' });
    expect(lines.at(-2)).toMatchObject({ type: 'tier2/routine/completed' });
    expect(lines.slice(0, -1).map(({ seq }) => seq)).toEqual(Array.from({ length: lines.length - 1 }, (_, index) => index + 1));
  });

  it('ends with 1 when the run failed, and says where, why and what next', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('fail'), 'swarmchart.config.mjs': CONFIG });
    const { exitCode, stdout, stderr } = await folder.run('run', 'w.yaml');
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain('one failed in step "only"');
    expect(stderr).toContain('EXECUTION_FAILED: out of paper red');
    expect(stderr).toContain('next: this kind of failure may pass');
  });

  it('gives the error as data with --json', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('fail'), 'swarmchart.config.mjs': CONFIG });
    const { exitCode, stdout } = await folder.run('run', 'w.yaml', '--json');
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'failed', result: null, error: { code: 'EXECUTION_FAILED', tier: 'tier3' } });
  });

  it('shows retries with their wait', async () => {
    const retry = ', retry: { maxRetries: 3, backoff: { strategy: fixed, baseMs: 1 } }';
    using folder = new Workspace({ 'w.yaml': oneStep('fail-twice', retry), 'swarmchart.config.mjs': CONFIG });
    const { exitCode, stderr } = await folder.run('run', 'w.yaml');
    expect(exitCode).toBe(0);
    expect(stderr).toContain('retrying  only  attempt 1 failed: not yet; again in 1 ms');
    expect(stderr).toContain('retrying  only  attempt 2 failed');
  });

  it('ends with 3 when a step waits for a person, and says which and how to answer', async () => {
    const escalate = ', fallbacks: [{ action: escalate-to-human }]';
    using folder = new Workspace({ 'w.yaml': oneStep('fail', escalate), 'swarmchart.config.mjs': CONFIG });
    const { exitCode, stdout, stderr } = await folder.run('run', 'w.yaml', '--json', '--no-journal');
    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'waiting', waitingFor: [{ stepId: 'only', error: { code: 'EXECUTION_FAILED' } }] });
    expect(stderr).toContain('step "only" waits for a decision about EXECUTION_FAILED: out of paper red');
    expect(stderr).toContain('next: swarmchart run FILE --wait-for-people   # then it stays');
    expect(stderr).toContain('\n  swarmchart approve RUN/only   # or --retry, --reject, --abort; "swarmchart approve" alone');
    expect(stderr).toContain(`execution.decide("only", { decision: 'approve'`);
  });

  it('ends with 3 when a step waits for an approval or a signal', async () => {
    const approval = 'id: w\nsteps: [{ id: ok, type: wait, approval: { prompt: Release it? } }]\n';
    using folder = new Workspace({ 'a.yaml': approval, 's.yaml': 'id: w\nsteps: [{ id: merged, type: wait, signal: merge }]\n' });
    const asked = await folder.run('run', 'a.yaml', '--no-journal');
    expect(asked.exitCode).toBe(3);
    expect(asked.stderr).toContain('waiting   ok  for a person: Release it?\n');
    expect(asked.stderr).toContain('step "ok" waits for an approval: Release it?\n');
    expect(asked.stderr).toContain('\n  swarmchart approve RUN/ok   # or --reject, --abort;');
    expect(asked.stderr).toContain(`execution.decide("ok", { decision: 'approve'`);
    const signal = await folder.run('run', 's.yaml', '--json', '--no-journal');
    expect(signal.exitCode).toBe(3);
    expect(JSON.parse(signal.stdout)).toMatchObject({ waitingFor: [{ stepId: 'merged', for: { type: 'signal', name: 'merge' } }] });
    expect(signal.stderr).toContain('step "merged" waits for the signal "merge"\n');
    expect(signal.stderr).toContain('next: the command line sends no signals');
    expect(signal.stderr).toContain('execution.signal("merge")');
  });

  it('says how to answer for a step within steps', async () => {
    const body = 'steps: [{ id: ask, type: wait, approval: true }]';
    using folder = new Workspace({ 'w.yaml': `id: w\nsteps:\n  - { id: each, type: map, over: [a], ${body} }\n` });
    const { exitCode, stdout, stderr } = await folder.run('run', 'w.yaml', '--json', '--no-journal');
    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ waitingFor: [{ stepId: 'ask', executionId: expect.stringMatching(/each:0/) }] });
    expect(stderr).toContain('step "each:0/ask" waits for an approval\n');
    expect(stderr).toMatch(/ {2}swarmchart approve RUN\/each\/1\/each:0\/1\/ask {3}#/);
    expect(stderr).toContain(`execution.run("each")?.run("each:0")?.decide("ask", { decision: 'approve'`);
  });

  it('waits itself for what ends by itself', async () => {
    const steps =
      '[{ id: rest, type: wait, duration: 20 }, { id: say, tool: echo, dependencies: [rest], parameters: { message: rested } }]';
    using folder = new Workspace({ 'w.yaml': `id: w\nsteps: ${steps}\n` });
    const { exitCode, stdout, stderr } = await folder.run('run', 'w.yaml');
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'rested\n' });
    expect(stderr).toContain('waiting   rest  for 20 ms\n');
  });

  it('ends with 4 when the run did not finish in time', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('hang', ', timeout: 60000'), 'swarmchart.config.mjs': CONFIG });
    const { exitCode, stderr } = await folder.run('run', 'w.yaml', '--timeout', '30');
    expect(exitCode).toBe(4);
    expect(stderr).toContain('RUN_TIMEOUT');
    expect(stderr).toContain('next: allow more with --timeout MS');
  });

  it('ends with 4 although it only waits', async () => {
    using folder = new Workspace({ 'w.yaml': 'id: w\nsteps: [{ id: rest, type: wait, duration: 600000 }]\n' });
    const { exitCode, stderr } = await folder.run('run', 'w.yaml', '--timeout', '100');
    expect(exitCode).toBe(4);
    expect(stderr).toContain('next: allow more with --timeout MS');
  });

  it.each([
    ['a step', oneStep('hang', ', timeout: 30')],
    ['a branch', 'id: one\nsteps:\n  - id: both\n    type: parallel\n    steps: [{ id: only, tool: hang, timeout: 30 }]\n'],
  ])('ends with 4 when the run failed because %s did not finish in time', async (_, workflow) => {
    using folder = new Workspace({ 'w.yaml': workflow, 'swarmchart.config.mjs': CONFIG });
    const { exitCode, stderr } = await folder.run('run', 'w.yaml');
    expect(exitCode).toBe(4);
    expect(stderr).toContain('next: give step "only" a longer timeout');
  });

  it('chooses one of several workflows by name, and says when it cannot', async () => {
    const step = (message: string): object => ({ steps: [{ id: 'only', tool: 'echo', parameters: { message } }] });
    using folder = new Workspace({ 'w.json': JSON.stringify({ workflows: { first: step('1'), second: step('2') } }) });
    expect(await folder.run('run', 'w.json', '--workflow', 'second')).toMatchObject({ exitCode: 0, stdout: '2\n' });
    const unclear = await folder.run('run', 'w.json');
    expect(unclear.exitCode).toBe(2);
    expect(unclear.stderr).toContain('next: choose with --workflow NAME');
    const unknown = await folder.run('run', 'w.json', '--workflow', 'secnd');
    expect(unknown).toMatchObject({ exitCode: 2, stdout: '' });
    expect(unknown.stderr).toContain('Did you mean "second"?');
  });

  it('runs nothing of a file with problems, and reports all of them with their places', async () => {
    const text = 'id: one\nsteps:\n  - { id: a, tool: ecko }\n  - { id: a, tool: echo, colour: red }\n';
    using folder = new Workspace({ 'w.yaml': text });
    const { exitCode, stdout, stderr } = await folder.run('run', 'w.yaml');
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('w.yaml:3:20 steps[0].tool There is no tool "ecko". Did you mean "echo"?');
    expect(stderr).toContain('w.yaml:4:11 steps[1].id');
    expect(stderr).toMatch(/w\.yaml:4:26 steps\[1\]\.colour/);
    expect(stderr).toContain('next: tools, modules, strategies and secrets come from a swarmchart.config.ts');
  });

  it('says so as data with --json', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('ecko') });
    const { exitCode, stdout } = await folder.run('run', 'w.yaml', '--json');
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      v: 1,
      status: 'refused',
      error: { code: 'TOOL_NOT_FOUND', issues: [{ path: ['steps', 0, 'tool'], line: 3 }] },
    });
  });

  it('shows warnings of tools on stderr, and the rest with --verbose', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('chat'), 'swarmchart.config.mjs': CONFIG });
    const { stderr } = await folder.run('run', 'w.yaml');
    expect(stderr).toContain('warn: loud size=3');
    expect(stderr).not.toContain('quiet');
    expect((await folder.run('run', 'w.yaml', '--verbose')).stderr).toContain('info: quiet size=3');
  });

  it('cancels the run at the first signal and waits for it', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('hang'), 'swarmchart.config.mjs': CONFIG });
    const { terminal, exitCode } = folder.start('run', 'w.yaml', '--json');
    await terminal.err.saw('hanging');
    terminal.signal('SIGINT');
    expect(await exitCode).toBe(130);
    expect(JSON.parse(terminal.out.text)).toMatchObject({
      status: 'cancelled',
      error: { code: 'CANCELLED', context: { reason: 'SIGINT' } },
    });
  });

  it('goes on after a promise that nobody handled, but does not call that a success', async () => {
    using folder = new Workspace({
      'w.yaml': oneStep('hang', ', timeout: 100, fallbacks: [{ action: use-value, value: 7 }]'),
      'swarmchart.config.mjs': CONFIG,
    });
    const { terminal, exitCode } = folder.start('run', 'w.yaml', '--no-journal');
    await terminal.err.saw('hanging');
    terminal.stray(new Error('lost'), true);
    expect(await exitCode).toBe(1);
    expect(terminal.out.text).toBe('7\n');
    expect(terminal.err.text).toContain('Nobody handled a rejected promise: Error: lost');
  });

  it('stops at once when something is thrown that nobody can catch', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('hang'), 'swarmchart.config.mjs': CONFIG });
    const { terminal, exitCode } = folder.start('run', 'w.yaml');
    await terminal.err.saw('hanging');
    terminal.stray(new Error('from a timer'), false);
    expect(await exitCode).toBe(1);
    expect(terminal.err.text).toContain('error: from a timer\nnext: SWARMCHART_DEBUG=1');
  });
});
