import { hostname, userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { FakeInbox, fact, openRun } from './control/run-for-test.ts';
import { Workspace } from './terminal-for-test.ts';

/** A run in a folder, with what it asks. */
async function setUp() {
  const space = new Workspace();
  const inbox = new FakeInbox();
  const people = await openRun(inbox, space.folder);
  const { executionId } = people;
  return {
    space,
    inbox,
    people,
    executionId,
    ship: `${executionId}/ship`,
    async [Symbol.asyncDispose]() {
      await people[Symbol.asyncDispose]();
      space[Symbol.dispose]();
    },
  };
}

const me = userInfo().username;

describe('swarmchart approve', () => {
  it('lists what waits as a table on stdout, and how to answer on stderr', async () => {
    await using run = await setUp();
    const { executionId, inbox, ship } = run;
    const now = Date.now();
    inbox.ask({
      executionId: `${executionId}/pay/1`,
      subject: 'fee',
      kind: 'step',
      prompt: 'out of\n\u001b[31mpaper',
      since: now - 60_000,
    });
    inbox.ask({ executionId, subject: 'ship', role: 'clerk', quorum: 2, since: now - 120_000, expiresAt: now + 3_600_500 });
    const { exitCode, stdout, stderr } = await run.space.run('approve');
    expect(exitCode).toBe(0);
    const [head, first, second, ...rest] = stdout.trimEnd().split('\n');
    expect(head).toMatch(/^ID +RUN +KIND +SINCE +EXPIRES +WHO +QUESTION$/);
    expect(first).toMatch(new RegExp(`^${ship} +release +approval +2 min 0 s ago +in 1 h 0 min +clerk, 2 people, 0 answered +Ship it\\?$`));
    expect(second).toMatch(new RegExp(`^${executionId}/pay/1/fee +release +step +1 min 0 s ago +- +anyone +out of paper$`));
    expect(rest).toEqual([]);
    expect(stderr).toBe(`next: swarmchart approve ${ship}   # or --reject, --abort\n`);
  });

  it('lists as one versioned object with --json', async () => {
    await using run = await setUp();
    const question = run.inbox.ask({ executionId: run.executionId, subject: 'ship' });
    const { exitCode, stdout, stderr } = await run.space.run('approve', '--json');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      v: 1,
      waiting: [{ ...question, run: 'release' }],
      runs: [
        { executionId: run.executionId, kind: 'workflow', name: 'release', pid: process.pid, startedAt: expect.any(Number), waiting: 1 },
      ],
      left: 0,
      unreachable: [],
      over: [],
    });
  });

  it('says so when nothing waits, and when nothing runs', async () => {
    await using run = await setUp();
    expect(await run.space.run('approve')).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'The run in this folder does not wait for a person\n',
    });
    await run.people[Symbol.asyncDispose]();
    const { stderr } = await run.space.run('approve');
    expect(stderr).toBe(
      `No run in ${run.space.folder} takes answers: one does when it is started with "swarmchart run FILE --wait-for-people"\n`,
    );
  });

  it('says which runs cannot be asked, and lists the others', async () => {
    await using run = await setUp();
    run.inbox.ask({ executionId: run.executionId, subject: 'ship' });
    run.space.write('.swarmchart/live/broken.json', '{');
    const { exitCode, stdout, stderr } = await run.space.run('approve');
    expect(exitCode).toBe(0);
    expect(stdout).toContain(run.ship);
    expect(stderr).toContain('run broken cannot be asked: its file is none that this version of swarmchart writes\n');
  });

  it('quotes an id that a shell would take apart', async () => {
    await using run = await setUp();
    run.inbox.ask({ executionId: run.executionId, subject: "it's due; now", kind: 'obligation' });
    const { stderr } = await run.space.run('approve');
    expect(stderr).toContain(`next: swarmchart approve '${run.executionId}/it'\\''s due; now'`);
  });

  it.each([
    [[], { decision: 'approve', by: me }, 'approved'],
    [['--value', '{"to":"Berlin"}', '--by', 'ann'], { decision: 'approve', value: { to: 'Berlin' }, by: 'ann' }, 'approved'],
    [['--value', 'as it is'], { decision: 'approve', value: 'as it is', by: me }, 'approved'],
    [['--value', 'null', '--role', 'clerk'], { decision: 'approve', value: null, by: me, role: 'clerk' }, 'approved'],
    [['--reject'], { decision: 'reject', by: me }, 'rejected'],
    [['--retry'], { decision: 'retry', by: me }, 'to be tried again'],
    [['--abort'], { decision: 'abort', by: me }, 'aborted'],
  ])('answers with %j', async (argv, answer, word) => {
    await using run = await setUp();
    run.inbox.ask({ executionId: run.executionId, subject: 'ship', options: ['approve', 'reject', 'retry', 'abort'] });
    expect(await run.space.run('approve', run.ship, ...argv)).toEqual({ exitCode: 0, stdout: `${run.ship} ${word}\n`, stderr: '' });
    expect(run.inbox.answers).toEqual([{ id: run.ship, answer }]);
  });

  it('says how many more must agree', async () => {
    await using run = await setUp();
    run.inbox.ask({ executionId: run.executionId, subject: 'ship', quorum: 2 });
    const first = await run.space.run('approve', run.ship, '--by', 'ann');
    expect(first).toEqual({
      exitCode: 0,
      stdout: `${run.ship}: your "approve" counts; 2 people must give the same answer, 1 answered\n`,
      stderr: '',
    });
    const twice = await run.space.run('approve', run.ship, '--by', 'ann');
    expect(twice).toEqual({ exitCode: 1, stdout: '', stderr: `error: "${run.ship}" was not answered: ann has answered it before\n` });
    expect((await run.space.run('approve', run.ship, '--by', 'bob')).stdout).toBe(`${run.ship} approved\n`);
  });

  it('says when those who have answered do not agree', async () => {
    await using run = await setUp();
    run.inbox.ask({ executionId: run.executionId, subject: 'ship', quorum: 3 });
    await run.space.run('approve', run.ship, '--by', 'ann', '--value', 'Bern');
    expect((await run.space.run('approve', run.ship, '--by', 'bob', '--value', 'Rome')).stdout).toBe(
      `${run.ship}: your "approve" counts; 3 people must give the same answer, 2 answered, 1 of them the same as you\n`,
    );
  });

  it('ends with 1 when the answer comes late, and says what came first', async () => {
    await using run = await setUp();
    run.people.hear(fact('tier2/step/escalated', run.executionId, { stepId: 'ship' }));
    run.people.hear(fact('tier2/step/decided', run.executionId, { stepId: 'ship', decision: 'reject', by: 'bob' }));
    const { exitCode, stdout, stderr } = await run.space.run('approve', run.ship, '--json', '--by', 'ann');
    expect(exitCode).toBe(1);
    const message = `"${run.ship}" was not answered: it was answered already: reject by bob`;
    expect(JSON.parse(stdout)).toEqual({
      v: 1,
      id: run.ship,
      decision: 'approve',
      by: 'ann',
      accepted: false,
      open: null,
      error: { code: 'CANCELLED', message },
    });
    expect(stderr).toBe(`error: ${message}\n`);
  });

  it('gives one of two answers of the same moment to the first', async () => {
    await using run = await setUp();
    run.inbox.ask({ executionId: run.executionId, subject: 'ship' });
    run.people.hear(fact('tier2/step/escalated', run.executionId, { stepId: 'ship' }));
    const both = await Promise.all(['ann', 'bob'].map((by) => run.space.run('approve', run.ship, '--by', by)));
    expect(both.map(({ exitCode }) => exitCode).sort()).toEqual([0, 1]);
  });

  it('ends with 2 for an id that nobody knows, and helps', async () => {
    await using run = await setUp();
    run.inbox.ask({ executionId: run.executionId, subject: 'ship' });
    const step = await run.space.run('approve', `${run.executionId}/shp`);
    expect(step).toMatchObject({ exitCode: 2, stdout: '' });
    expect(step.stderr).toContain(
      `error: Nothing called "${run.executionId}/shp" has waited in this run. Did you mean "${run.ship}"?\nnext: swarmchart approve lists`,
    );
    const other = await run.space.run('approve', `${run.executionId.slice(1)}/ship`, '--json');
    expect(other.exitCode).toBe(2);
    expect(JSON.parse(other.stdout)).toMatchObject({ accepted: false, error: { code: 'INVALID_INPUT' } });
    expect(other.stderr).toContain(
      `lives in this folder; it may be over. Did you mean "${run.executionId}"?\nnext: swarmchart approve lists`,
    );
  });

  it('ends with 2 when the answer is not this person’s to give', async () => {
    await using run = await setUp();
    run.inbox.ask({ executionId: run.executionId, subject: 'ship', role: 'clerk' });
    const { exitCode, stderr } = await run.space.run('approve', run.ship, '--role', 'boss');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('error: "ship" is for the role "clerk"\n');
    expect(run.inbox.answers).toEqual([]);
  });

  it.each([
    ['two answers', ['x/y', '--reject', '--retry'], 'cannot be used with'],
    ['a value with what is no approval', ['x/y', '--abort', '--value', '1'], '--value goes with an approval'],
    ['an answer to nothing', ['--reject'], '--reject is part of an answer: give the ID'],
    ['a name for nothing', ['--by', 'ann'], '--by is part of an answer: give the ID'],
    ['two ids', ['x/y', 'x/z'], 'too many arguments'],
    ['a path', ['../../secret'], 'No run ".." lives in this folder'],
    ['a very long value', ['x/y', '--value', 'x'.repeat(1_200_000)], 'an answer has at most a megabyte'],
  ])('refuses %s with exit code 2', async (_, argv, message) => {
    using space = new Workspace();
    const { exitCode, stdout, stderr } = await space.run('approve', ...argv);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('ends with 1 when the run’s process has died', async () => {
    await using run = await setUp();
    run.space.write('.swarmchart/live/dead.json', JSON.stringify(deadPointer()));
    const { exitCode, stderr } = await run.space.run('approve', 'dead/ship');
    expect(exitCode).toBe(1);
    expect(stderr).toBe(`error: "dead/ship" was not answered: run dead is over, as its process ${DEAD} has ended\n`);
    expect((await run.space.run('approve', 'dead/ship')).exitCode).toBe(2);
  });
});

/** No system gives out so high a number. */
const DEAD = 2 ** 30;

const deadPointer = (): object => ({
  v: 1,
  executionId: 'dead',
  kind: 'workflow',
  name: 'w',
  pid: DEAD,
  host: hostname(),
  startedAt: 0,
  address: '/tmp/swarmchart-nobody/control',
  token: 't',
});
