/** `swarmchart run` and `swarmchart validate` with swarm files. */

import { describe, expect, it } from 'vitest';
import { CONFIG, parseLines, Workspace } from './terminal-for-test.ts';

const TALK = `swarm: talk
goal: Greet {{name}}
input:
  name: { type: string }
  times: { type: number, default: 1 }
agents:
  - { id: ada, capabilities: [talking] }
  - { id: bob, capabilities: [talking, writing] }
tasks:
  - id: greet
    requiredCapabilities: [talking]
    steps:
      - { id: think, tool: echo, parameters: { message: "Good morning" } }
      - { id: say, tool: echo, parameters: { message: "\${think.result}, {{name}}" } }
  - id: part
    requiredCapabilities: [talking]
    steps:
      - { id: think, tool: echo, parameters: { message: "Good night" } }
      - { id: say, tool: echo, parameters: { message: "\${think.result}, {{name}}" } }
  - { id: write, requiredCapabilities: [writing], tool: echo, parameters: { message: "\${greet.result}. \${part.result}. ({{goal}})" } }
`;

/** One task with one step. */
const oneTask = (step: string, more = ''): string =>
  `swarm: one\ngoal: Try\nagents: [{ id: ada, capabilities: [trying] }]\n${more}tasks:\n  - id: try\n    requiredCapabilities: [trying]\n    maxAgents: 1\n    steps:\n      - { id: only, ${step} }\n`;

describe('swarmchart run with a swarm file', () => {
  it('prints the result alone on stdout, and on stderr who does what', async () => {
    using folder = new Workspace({ 'talk.yaml': TALK });
    const { exitCode, stdout, stderr } = await folder.run('run', 'talk.yaml', '--input', 'name=Eve');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('write: Good morning, Eve. Good night, Eve. (Greet Eve)\n');
    expect(stderr).toMatch(/^run \w{16}\nplanned {3}3 tasks {2}by talk\n/);
    expect(stderr).toContain('started   greet  by ada\n');
    expect(stderr).toContain('started   part  by bob\n');
    expect(stderr).toMatch(/talk completed: 3 of 3 tasks, [\d.]+ m?s\n$/);
  });

  it('tells steps of the same name apart by their task', async () => {
    using folder = new Workspace({ 'talk.yaml': TALK });
    const { stderr } = await folder.run('run', 'talk.yaml', '--input', 'name=Eve', '--json');
    for (const step of ['greet/think', 'greet/say', 'part/think', 'part/say']) {
      expect(stderr).toContain(`started   ${step}\n`);
      expect(stderr.match(new RegExp(`^completed ${step} {2}[\\d.]+ m?s$`, 'gm'))).toHaveLength(1);
    }
    // A task that is one step of the same name is told once.
    expect(stderr.match(/^(started|completed) +write/gm)).toHaveLength(2);
  });

  it('takes another goal with --goal', async () => {
    using folder = new Workspace({ 'talk.yaml': TALK });
    const { stdout } = await folder.run('run', 'talk.yaml', '--input', 'name=Eve', '--goal', 'Be polite', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', swarm: 'talk', result: { goal: 'Be polite' } });
    expect(JSON.parse(stdout)).not.toHaveProperty('workflow');
  });

  it('prints every fact with --jsonl: those of swarm, runs and steps in one sequence, those of agents with their own', async () => {
    using folder = new Workspace({ 'talk.yaml': TALK });
    const { stdout } = await folder.run('run', 'talk.yaml', '--input', 'name=Eve', '--jsonl');
    const lines = parseLines(stdout);
    expect(lines.at(-1)).toMatchObject({ type: 'result', status: 'completed', swarm: 'talk' });
    const facts = lines.slice(0, -1);
    const own = facts.filter(({ stream }) => stream !== 'pool');
    expect(own[0]).toMatchObject({ type: 'tier1/swarm/coordination_started' });
    expect(own.at(-1)).toMatchObject({ type: 'tier1/swarm/coordination_completed' });
    expect(own.map(({ seq }) => seq)).toEqual(own.map((_, index) => index + 1));
    expect(facts.filter(({ type }) => type === 'agent/leased')).toHaveLength(3);
  });

  it.each([
    ['an input that it does not take', ['--input', 'name=Eve', '--input', 'nam=x'], 'The swarm takes no input "nam". Did you mean "name"?'],
    ['a missing input', [], 'The input "name" (string) is required.'],
    [
      'a workflow to choose',
      ['--input', 'name=Eve', '--workflow', 'talk'],
      'talk.yaml holds a swarm, which is run as a whole: leave out --workflow',
    ],
  ])('refuses %s', async (_, argv, message) => {
    using folder = new Workspace({ 'talk.yaml': TALK });
    const { exitCode, stdout, stderr } = await folder.run('run', 'talk.yaml', ...argv);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('refuses a swarm that has no goal, and a goal for a workflow', async () => {
    using folder = new Workspace({
      's.yaml': TALK.replace('goal: Greet {{name}}\n', ''),
      'w.yaml': 'id: w\nsteps: [{ id: only, tool: echo, parameters: { message: hi } }]\n',
    });
    const aimless = await folder.run('run', 's.yaml', '--input', 'name=Eve');
    expect(aimless.exitCode).toBe(2);
    expect(aimless.stderr).toContain('next: name a goal with --goal TEXT');
    const workflow = await folder.run('run', 'w.yaml', '--goal', 'Greet');
    expect(workflow.exitCode).toBe(2);
    expect(workflow.stderr).toContain('w.yaml holds a workflow, which has no goal');
  });

  it('runs nothing of a file with problems, and reports all of them with their places', async () => {
    const text = oneTask('tool: ecko').replace('requiredCapabilities', 'requiredCapabilites');
    using folder = new Workspace({ 's.yaml': text });
    const { exitCode, stderr } = await folder.run('run', 's.yaml');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^s\.yaml:6:5 tasks\[0\]\.requiredCapabilites .*Did you mean "requiredCapabilities"\?$/m);
    expect(stderr).toMatch(/^s\.yaml:9:\d+ tasks\[0\]\.steps\[0\]\.tool There is no tool "ecko"\. Did you mean "echo"\?$/m);
    expect(stderr).toContain('next: tools, modules, strategies and secrets come from a swarmchart.config.ts');
  });

  it('uses agents, planner and synthesis of the configuration', async () => {
    const config = `export default {
      agents: [{ id: eve, capabilities: ['talking'] }].map((agent) => agent),
      planner: ({ goal }) => ({ subTasks: [{ id: 'say', requiredCapabilities: ['talking'], tool: 'echo', parameters: { message: goal } }] }),
      synthesize: ({ tasks }) => tasks.say.agentId + ' said ' + tasks.say.result,
    };`.replace('id: eve', "id: 'eve'");
    using folder = new Workspace({ 's.yaml': 'swarm: s\ngoal: Good morning\n', 'swarmchart.config.mjs': config });
    expect(await folder.run('run', 's.yaml')).toMatchObject({ exitCode: 0, stdout: 'eve said Good morning\n' });
  });

  it('ends with 1 when a task failed, and says which, why and what next', async () => {
    using folder = new Workspace({ 's.yaml': oneTask('tool: fail'), 'swarmchart.config.mjs': CONFIG });
    const { exitCode, stdout, stderr } = await folder.run('run', 's.yaml');
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain('one failed in task "try": 1 of 1 task, 1 failed');
    expect(stderr).toContain('EXECUTION_FAILED: out of paper red');
  });

  it('refuses a goal without a word', async () => {
    using folder = new Workspace({ 'talk.yaml': TALK });
    const { exitCode, stderr } = await folder.run('run', 'talk.yaml', '--input', 'name=Eve', '--goal', ' ');
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: 'error: --goal: a goal is a text that is not empty\n' });
  });

  it('says why an agent of the configuration could not be started, and that its task has nobody else', async () => {
    const config = `export default { agents: [{ id: 'eve', capabilities: ['trying'], initialize: () => { throw new Error('no key'); } }] };`;
    const text = oneTask('tool: echo, parameters: { message: hi }').replace(/agents: .*\n/, '');
    using folder = new Workspace({ 's.yaml': text, 'swarmchart.config.mjs': config });
    const { exitCode, stderr } = await folder.run('run', 's.yaml');
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      'error: The runtime does not have all of its agents err=Agent "eve" could not be started: Agent "eve" crashed: no key\n',
    );
    expect(stderr).toContain('next: an agent of the file or of the configuration must have these capabilities, and be able to start\n');
    expect(stderr).not.toMatch(/continued try {2}by ?\n/);
  });

  it('says nothing of agents that were still starting when all was over', async () => {
    const config = `export default { agents: [{ id: 'eve', capabilities: ['singing'], initialize: () => new Promise(() => {}) }] };`;
    using folder = new Workspace({ 's.yaml': oneTask('tool: echo, parameters: { message: hi }'), 'swarmchart.config.mjs': config });
    const { exitCode, stderr } = await folder.run('run', 's.yaml');
    expect(exitCode).toBe(0);
    expect(stderr).not.toContain('error');
  });

  it('shows with --verbose what agents log while they start, and texts that are logged alone', async () => {
    const config = `export default { agents: [{ id: 'eve', capabilities: ['x'], initialize: ({ log }) => { log.info('up'); log.info({ life: 1 }, 'and well'); } }] };`;
    using folder = new Workspace({ 's.yaml': oneTask('tool: echo, parameters: { message: hi }'), 'swarmchart.config.mjs': config });
    const { stderr } = await folder.run('run', 's.yaml', '--verbose');
    expect(stderr).toContain('info: up\ninfo: and well life=1\n');
  });

  it('says when another agent is given a task', async () => {
    const text = oneTask('tool: fail')
      .replace('maxAgents: 1', 'maxAgents: 2')
      .replace('agents: [', 'agents: [{ id: bob, capabilities: [trying] }, ');
    using folder = new Workspace({ 's.yaml': text, 'swarmchart.config.mjs': CONFIG });
    const { stderr } = await folder.run('run', 's.yaml');
    expect(stderr).toContain('reassigned try  bob failed: out of paper red\n');
    expect(stderr).toContain('started   try  by ada\n');
  });

  it('ends with 3 when a task waits for a person, and says how to answer', async () => {
    using folder = new Workspace({
      's.yaml': oneTask('tool: fail, fallbacks: [{ action: escalate-to-human }]'),
      'swarmchart.config.mjs': CONFIG,
    });
    const { exitCode, stdout, stderr } = await folder.run('run', 's.yaml', '--json', '--no-journal');
    expect(exitCode).toBe(3);
    const { executionId, ...document } = JSON.parse(stdout) as { readonly executionId: string };
    expect(document).toMatchObject({
      status: 'waiting',
      waitingFor: [{ stepId: 'only', executionId: `${executionId}/try/1`, error: { code: 'EXECUTION_FAILED' } }],
    });
    expect(stderr).toContain('step "try/only" waits for a decision about EXECUTION_FAILED: out of paper red');
    expect(stderr).toContain('\n  swarmchart approve RUN/try/1/only   # or --retry');
    expect(stderr).toContain(`swarm.run("try")?.decide("only", { decision: 'approve'`);
  });

  it('ends with 3 when people are asked about a task that no agent could do, in another plan either', async () => {
    const plans = oneTask('tool: fail', 'escalation: { replans: 1, human: { role: lead } }\n')
      .replace('tasks:\n', 'playbooks:\n  - id: first\n    goals: try\n    tasks:\n')
      .replace(/(?<= {4}tasks:\n)[\s\S]*/, (tasks) => tasks.replace(/^/gm, '    '))
      .trimEnd();
    const text = `${plans}\n  - id: second\n    goals: try\n    tasks: [{ id: other, requiredCapabilities: [trying], maxAgents: 1, tool: fail }]\n`;
    using folder = new Workspace({ 's.yaml': text, 'swarmchart.config.mjs': CONFIG });
    const { exitCode, stdout, stderr } = await folder.run('run', 's.yaml', '--json', '--no-journal');
    expect(stderr).toContain('replanning try  plan 2\n');
    expect(stderr).toContain('task "other" waits for a decision about EXECUTION_FAILED: out of paper red');
    expect(stderr).toContain('swarm.decideTask("other", ');
    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'waiting', waitingFor: [{ taskId: 'other', error: { code: 'EXECUTION_FAILED' } }] });
    expect(stderr).toContain('0 of 1 task, 1 waiting');
  });

  it('ends with 3 when an obligation is not met in time', async () => {
    const organization = `organization:
  roles: [{ id: trier, capabilities: [trying] }]
  missions: [{ id: attempt, tasks: [try] }]
  norms: [{ id: soon, type: obligation, role: trier, mission: attempt, deadlineMs: 20 }]
`;
    // Its only task fails, later than the deadline: then nobody is left but the person who decides about the obligation.
    const text = oneTask('tool: hang, timeout: 100', organization).replace('maxAgents: 1', 'maxAgents: 1\n    onFailure: continue');
    using folder = new Workspace({ 's.yaml': text, 'swarmchart.config.mjs': CONFIG });
    const { exitCode, stdout, stderr } = await folder.run('run', 's.yaml', '--json', '--no-journal');
    expect(exitCode).toBe(3);
    const unmet = { normId: 'soon', role: 'trier', mission: 'attempt', open: ['try'] };
    expect(JSON.parse(stdout)).toMatchObject({ status: 'waiting', waitingFor: [unmet] });
    expect(stderr).toContain('waiting   soon  "trier" has not done "attempt" in time\n');
    expect(stderr).toContain('obligation "soon" waits for a decision: "trier" has not done "attempt" in time, still open: try');
    expect(stderr).toContain('\n  swarmchart approve RUN/soon   # or --retry');
    expect(stderr).toContain(`swarm.decide("soon", { decision: 'approve' })`);
  });

  it('ends with 4 when the swarm or a step of it did not finish in time', async () => {
    using folder = new Workspace({
      'slow.yaml': oneTask('tool: hang, timeout: 60000'),
      'late.yaml': oneTask('tool: hang, timeout: 30'),
      'swarmchart.config.mjs': CONFIG,
    });
    const slow = await folder.run('run', 'slow.yaml', '--timeout', '30');
    expect(slow.exitCode).toBe(4);
    expect(slow.stderr).toContain('next: allow more with --timeout MS');
    const late = await folder.run('run', 'late.yaml');
    expect(late.exitCode).toBe(4);
    expect(late.stderr).toContain('next: give step "try/only" a longer timeout, or retries');
  });

  it('cancels the swarm at the first signal and waits for it', async () => {
    using folder = new Workspace({ 's.yaml': oneTask('tool: hang'), 'swarmchart.config.mjs': CONFIG });
    const { terminal, exitCode } = folder.start('run', 's.yaml', '--json');
    await terminal.err.saw('hanging');
    terminal.signal('SIGINT');
    expect(await exitCode).toBe(130);
    expect(JSON.parse(terminal.out.text)).toMatchObject({ status: 'cancelled', error: { context: { reason: 'SIGINT' } } });
  });
});

describe('swarmchart validate with a swarm file', () => {
  it('sums up a file that is fine', async () => {
    using folder = new Workspace({ 'talk.yaml': TALK });
    const { exitCode, stdout } = await folder.run('validate', 'talk.yaml');
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: 'talk.yaml ok: 1 swarm\n  talk: 2 agents, 1 playbook\n    talk: 3 tasks\n',
    });
    const document: unknown = JSON.parse((await folder.run('validate', 'talk.yaml', '--json')).stdout);
    expect(document).toMatchObject({
      valid: true,
      swarm: { id: 'talk', goal: 'Greet {{name}}', playbooks: [{ id: 'talk', tasks: 3 }] },
      issues: [],
    });
  });

  it('reports every problem at once with its place, and ends with 2', async () => {
    const text = TALK.replace('[writing], tool: echo', '[writting], tool: ecko')
      .replace('${part.result}', '${party.result}')
      .replace('agents:', 'onlyOwnAgents: true\nagents:');
    using folder = new Workspace({ 'talk.yaml': text, 'swarmchart.config.mjs': CONFIG });
    const { exitCode, stdout } = await folder.run('validate', 'talk.yaml');
    expect(exitCode).toBe(2);
    for (const line of stdout.trimEnd().split('\n')) expect(line).toMatch(/^talk\.yaml:\d+:\d+ tasks\[\d\]\S* \S/);
    expect(stdout).toContain('There is no tool "ecko". Did you mean "echo"?');
    expect(stdout).toContain('There is no task "party". Did you mean "part"?');
  });

  it('prints the JSON Schema of swarm files', async () => {
    using folder = new Workspace();
    expect(JSON.parse((await folder.run('validate', '--schema', 'swarm')).stdout)).toMatchObject({ title: 'Swarmchart swarm' });
    expect(JSON.parse((await folder.run('validate', '--schema', 'workflow')).stdout)).toMatchObject({ title: 'Swarmchart workflow' });
    expect((await folder.run('validate', '--schema', 'table')).exitCode).toBe(2);
  });
});
