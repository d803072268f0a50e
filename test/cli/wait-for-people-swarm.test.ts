/** Swarms that stay for people's answers, and the answers from another process. */

import { describe, expect, it } from 'vitest';
import { Command } from './command-for-test.ts';
import { Workspace } from './terminal-for-test.ts';

const CONFIG = `
const hang = (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
let calls = 0;
const once = () => { calls += 1; if (calls < 2) throw new Error('out of paper'); return 'done at last'; };
export default { tools: [{ name: 'hang', run: hang }, { name: 'once', run: once }] };
`;

const swarm = (step: string, more = '', ofTask = ''): string => `swarm: one
goal: Try
agents: [{ id: ada, capabilities: [trying] }]
${more}tasks:
  - id: try
    requiredCapabilities: [trying]
    maxAgents: 1
${ofTask}    steps:
      - { id: only, ${step} }
`;

const OBLIGATION = `organization:
  roles: [{ id: trier, capabilities: [trying] }]
  missions: [{ id: attempt, tasks: [try] }]
  norms: [{ id: soon, type: obligation, role: trier, mission: attempt, deadlineMs: 20 }]
`;

interface Listing {
  readonly waiting: readonly {
    readonly id: string;
    readonly kind: string;
    readonly subject: string;
    readonly options: readonly string[];
  }[];
}

/** Starts it in a process of its own, and answers from this one what it asks. */
async function answered(text: string, ...words: readonly string[]) {
  using space = new Workspace({ 's.yaml': text, 'swarmchart.config.mjs': CONFIG });
  const run = new Command(space, ['run', 's.yaml', '--wait-for-people', '--json']);
  await run.saw('swarmchart approve');
  const { waiting } = JSON.parse((await space.run('approve', '--json')).stdout) as Listing;
  const { exitCode: answerCode } = await space.run('approve', waiting[0]?.id ?? '', ...words);
  const exitCode = await run.exitCode();
  return { waiting, answerCode, exitCode, result: JSON.parse(run.stdout) as object, stderr: run.stderr };
}

/** A busy machine takes its time to start a process. */
describe('swarmchart run --wait-for-people with a swarm', { timeout: 120_000 }, () => {
  it('asks about a step of a task', async () => {
    const text = swarm('tool: once, fallbacks: [{ action: escalate-to-human }]');
    const { waiting, answerCode, exitCode, result } = await answered(text, '--value', '"by hand"');
    expect(waiting).toMatchObject([{ kind: 'step', subject: 'only', id: expect.stringMatching(/\/try\/1\/only$/) as string }]);
    expect([answerCode, exitCode]).toEqual([0, 0]);
    expect(result).toMatchObject({ status: 'completed' });
    expect(JSON.stringify(result)).toContain('by hand');
  });

  it('asks about an obligation that is not met', async () => {
    const text = swarm('tool: hang, timeout: 100', OBLIGATION, '    onFailure: continue\n');
    const { waiting, answerCode, exitCode, result } = await answered(text, '--abort', '--by', 'ann');
    expect(waiting).toMatchObject([{ kind: 'obligation', subject: 'soon', options: expect.arrayContaining(['retry']) as string[] }]);
    expect([answerCode, exitCode]).toEqual([0, 1]);
    expect(result).toMatchObject({ status: 'cancelled', error: { context: { reason: 'aborted by ann' } } });
  });

  it('asks about a task that no agent could do', async () => {
    const { waiting, answerCode, exitCode, result, stderr } = await answered(
      swarm('tool: once', 'escalation: { human: true }\n'),
      '--retry',
    );
    expect(waiting).toMatchObject([{ kind: 'task', subject: 'try', options: ['approve', 'reject', 'retry', 'abort'] }]);
    expect([answerCode, exitCode]).toEqual([0, 0]);
    expect(JSON.stringify(result)).toContain('done at last');
    expect(stderr).toMatch(/waiting {3}try {2}swarmchart approve \w+\/try {2}for a person, after out of paper\n/);
  });

  it('without the flag says which command would answer about a task', async () => {
    using space = new Workspace({ 's.yaml': swarm('tool: once', 'escalation: { human: true }\n'), 'swarmchart.config.mjs': CONFIG });
    const { exitCode, stdout, stderr } = await space.run('run', 's.yaml', '--json', '--no-journal');
    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'waiting', waitingFor: [{ taskId: 'try', error: { code: 'EXECUTION_FAILED' } }] });
    expect(stderr).toContain('task "try" waits for a decision about EXECUTION_FAILED: out of paper\n');
    expect(stderr).toContain('\n  swarmchart approve RUN/try   # or --retry, --reject, --abort;');
    expect(stderr).toContain(`swarm.decideTask("try", { decision: 'approve', value: … })`);
  });
});
