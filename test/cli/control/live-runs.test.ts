import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createAddress } from '../../../src/cli/control/address.ts';
import { LiveRuns } from '../../../src/cli/control/live-runs.ts';
import type { Pointer } from '../../../src/cli/control/pointers.ts';
import { Workspace } from '../terminal-for-test.ts';
import { FakeInbox, openRun } from './run-for-test.ts';

const LIST = { type: 'list' } as const;
const fileOf = (space: Workspace, id: string): string => join(space.folder, '.swarmchart', 'live', `${id}.json`);
const pointerOf = (space: Workspace, id: string): Pointer => JSON.parse(readFileSync(fileOf(space, id), 'utf8')) as Pointer;

function put(space: Workspace, id: string, text: string): void {
  mkdirSync(dirname(fileOf(space, id)), { recursive: true });
  writeFileSync(fileOf(space, id), text);
}

const pointer = (more: Partial<Pointer>): string =>
  JSON.stringify({
    v: 1,
    executionId: 'r',
    kind: 'workflow',
    name: 'w',
    pid: process.pid,
    host: hostname(),
    startedAt: 0,
    address: '/tmp/swarmchart-nobody/control',
    token: 't',
    ...more,
  });

/** A process that listens on a socket until it is killed, and then leaves it there. */
async function killed(address: string): Promise<number> {
  const script = `require('node:net').createServer().listen(${JSON.stringify(address)}, () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', script]);
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'close');
  return child.pid ?? 0;
}

describe('the live runs of a folder', () => {
  it('are none where nothing was ever run', async () => {
    using space = new Workspace();
    const runs = new LiveRuns(space.folder);
    expect([await runs.askAll(LIST), await runs.ask('r', LIST)]).toEqual([[], undefined]);
    expect(existsSync(join(space.folder, '.swarmchart'))).toBe(false);
  });

  it('are found by files that only their user can read, and are gone with them', async () => {
    using space = new Workspace();
    const people = await openRun(new FakeInbox(), space.folder);
    const file = fileOf(space, people.executionId);
    expect([statSync(file).mode & 0o777, statSync(dirname(file)).mode & 0o777]).toEqual([0o600, 0o700]);
    const { address } = pointerOf(space, people.executionId);
    await people[Symbol.asyncDispose]();
    await people[Symbol.asyncDispose]();
    expect([existsSync(file), existsSync(dirname(address))]).toEqual([false, false]);
  });

  it('are asked each, several at once too', async () => {
    using space = new Workspace();
    const inbox = new FakeInbox();
    await using stack = new AsyncDisposableStack();
    const ids: string[] = [];
    for (let index = 0; index < 20; index += 1) ids.push(stack.use(await openRun(inbox, space.folder)).executionId);
    const asked = await new LiveRuns(space.folder).askAll(LIST);
    expect(asked.map((one) => (one.status === 'replied' ? one.pointer.executionId : one.reason))).toEqual(ids.sort());
  });

  it('lose the file of one that was killed, and its socket', async () => {
    using space = new Workspace();
    const address = await createAddress({ temporary: [space.folder] });
    const pid = await killed(address);
    put(space, 'r', pointer({ pid, address }));
    expect(existsSync(address)).toBe(true);
    expect(await new LiveRuns(space.folder).ask('r', LIST)).toEqual({
      status: 'over',
      executionId: 'r',
      reason: `its process ${pid} has ended`,
    });
    expect([existsSync(fileOf(space, 'r')), existsSync(dirname(address))]).toEqual([false, false]);
  });

  it('lose the file of one whose socket was cleared away, as by a restart of the machine', async () => {
    using space = new Workspace();
    const address = await createAddress({ temporary: [space.folder] });
    const pid = await killed(address);
    rmSync(dirname(address), { recursive: true });
    put(space, 'r', pointer({ pid, address }));
    const both = await Promise.all([new LiveRuns(space.folder).askAll(LIST), new LiveRuns(space.folder).askAll(LIST)]);
    expect(both.flat()[0]).toMatchObject({ status: 'over' });
    expect(existsSync(fileOf(space, 'r'))).toBe(false);
  });

  it('keep the file of one that has lost its socket but lives', async () => {
    using space = new Workspace();
    put(space, 'r', pointer({}));
    const reason = expect.stringMatching(/^its socket is gone, though process \d+ lives; .*remove .*r\.json$/) as string;
    expect(await new LiveRuns(space.folder).ask('r', LIST)).toEqual({ status: 'silent', executionId: 'r', reason, mayHaveHeard: false });
    expect(existsSync(fileOf(space, 'r'))).toBe(true);
  });

  it('are not judged from another machine', async () => {
    using space = new Workspace();
    put(space, 'r', pointer({ host: 'elsewhere', pid: 2 ** 30 }));
    expect(await new LiveRuns(space.folder).ask('r', LIST)).toMatchObject({
      status: 'silent',
      reason: 'it runs on elsewhere, and can only be asked there',
    });
    expect(existsSync(fileOf(space, 'r'))).toBe(true);
  });

  it.each([
    ['half a file', '{"v":1,', 'none that this version'],
    ['another version', pointer({ v: 2 as 1 }), 'none that this version'],
    ["an address that is somebody else's", pointer({ address: '/run/docker.sock' }), 'none that this version'],
    ["another run's file", pointer({ executionId: 's' }), 'about another run'],
    ['a very long one', pointer({ name: 'x'.repeat(20_000) }), 'it has 20'],
  ])('do not believe %s, and leave it there', async (_, text, reason) => {
    using space = new Workspace();
    put(space, 'r', text);
    expect(await new LiveRuns(space.folder).askAll(LIST)).toMatchObject([
      { status: 'silent', reason: expect.stringContaining(reason) as string },
    ]);
    expect(existsSync(fileOf(space, 'r'))).toBe(true);
  });

  it('do not follow links, nor leave their folder', async () => {
    using space = new Workspace({ 'secret.json': pointer({ executionId: 'secret' }) });
    mkdirSync(dirname(fileOf(space, 'r')), { recursive: true });
    symlinkSync(join(space.folder, 'secret.json'), fileOf(space, 'r'));
    const runs = new LiveRuns(space.folder);
    expect(await runs.ask('r', LIST)).toMatchObject({ status: 'silent', reason: expect.stringContaining('cannot be used') as string });
    expect(await runs.ask('../../secret', LIST)).toBeUndefined();
  });

  it('are not asked where others could listen in their place', async () => {
    using space = new Workspace();
    mkdirSync(join(space.folder, 'swarmchart-open'), { mode: 0o777 });
    put(space, 'r', pointer({ address: join(space.folder, 'swarmchart-open', 'control') }));
    expect(await new LiveRuns(space.folder).ask('r', LIST)).toMatchObject({
      status: 'silent',
      reason: expect.stringContaining('others can enter') as string,
    });
  });
});
