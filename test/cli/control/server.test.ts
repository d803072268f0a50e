import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createAddress } from '../../../src/cli/control/address.ts';
import { ask, NoReply } from '../../../src/cli/control/client.ts';
import { Desk } from '../../../src/cli/control/desk.ts';
import { History } from '../../../src/cli/control/history.ts';
import { LONGEST_PROMPT, MAX_REQUEST_BYTES, MOST_LISTED } from '../../../src/cli/control/protocol.ts';
import { ControlServer, type ServerLimits } from '../../../src/cli/control/server.ts';
import { FakeControls, FakeInbox, fact } from './run-for-test.ts';

async function setUp(limits: Partial<ServerLimits> = {}) {
  const inbox = new FakeInbox();
  const history = new History();
  const desk = new Desk(inbox, history, new FakeControls(), () => true);
  const address = await createAddress();
  const troubles: Error[] = [];
  const server = await ControlServer.listen(address, desk, (error) => troubles.push(error), limits);
  const { token } = desk;
  return {
    inbox,
    history,
    address,
    token,
    server,
    troubles,
    target: { address, token },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Everything that comes back for these bytes. */
async function raw(address: string, ...chunks: readonly (string | Uint8Array)[]): Promise<string> {
  const socket = connect(address);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('error', () => {});
  for (const chunk of chunks) socket.write(chunk);
  await once(socket, 'close');
  return text;
}

const decide = (id: string, more: object = {}) => ({ type: 'decide', id, answer: { decision: 'approve', ...more } }) as const;

describe('the control socket of a run', () => {
  it('is for its user alone, and gone with the run', async () => {
    const { address, server } = await setUp();
    expect(statSync(address).mode & 0o777).toBe(0o600);
    await server[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    expect(existsSync(address)).toBe(false);
    expect(existsSync(`${address}/..`)).toBe(false);
  });

  it('is not there when its folder is not', async () => {
    const desk = new Desk(new FakeInbox(), new History(), new FakeControls(), () => true);
    await expect(ControlServer.listen('/no/such/folder/control', desk, () => {})).rejects.toThrow('listen');
  });

  it('lists what waits', async () => {
    await using run = await setUp();
    const question = run.inbox.ask({ executionId: 'r', subject: 'ship', role: 'clerk', expiresAt: 9 });
    expect(await ask(run.target, { type: 'list' })).toEqual({ ok: true, waiting: [question], left: 0 });
  });

  it('cuts long questions, and counts those that are too many', async () => {
    await using run = await setUp();
    for (let index = 0; index <= MOST_LISTED; index += 1)
      run.inbox.ask({ executionId: 'r', subject: `s${index}`, prompt: 'x'.repeat(20_000) });
    const reply = await ask(run.target, { type: 'list' });
    if (!reply.ok) throw new Error(reply.error.message);
    expect([reply.waiting.length, reply.left, reply.waiting[0]?.prompt.length]).toEqual([MOST_LISTED, 1, LONGEST_PROMPT]);
  });

  it('takes an answer with all that is in it', async () => {
    await using run = await setUp();
    run.inbox.ask({ executionId: 'r', subject: 'ship', role: 'clerk' });
    const answer = { value: { to: 'Berlin' }, by: 'ann', role: 'clerk' };
    expect(await ask(run.target, decide('r/ship', answer))).toEqual({ ok: true, accepted: true });
    expect(run.inbox.answers).toEqual([{ id: 'r/ship', answer: { decision: 'approve', ...answer } }]);
  });

  it('says what an answer still waits for', async () => {
    await using run = await setUp();
    run.inbox.ask({ executionId: 'r', subject: 'ship', quorum: 2 });
    const votes = [{ by: 'ann', decision: 'approve' }];
    expect(await ask(run.target, decide('r/ship', { by: 'ann' }))).toMatchObject({ accepted: true, open: { votes, quorum: 2 } });
    expect(await ask(run.target, decide('r/ship', { by: 'ann' }))).toEqual({
      ok: true,
      accepted: false,
      reason: 'ann has answered it before',
    });
    expect(await ask(run.target, decide('r/ship', { by: 'bob' }))).toEqual({ ok: true, accepted: true });
  });

  it('tells a late answer from one that was never asked for', async () => {
    await using run = await setUp();
    run.history.hear(fact('tier2/step/escalated', 'r', { stepId: 'ship' }));
    run.history.hear(fact('tier2/step/decided', 'r', { stepId: 'ship', decision: 'retry', by: 'bob' }));
    const late = await ask(run.target, decide('r/ship'));
    expect(late).toEqual({ ok: true, accepted: false, reason: 'it was answered already: retry by bob' });
    run.inbox.ask({ executionId: 'r', subject: 'shop' });
    const error = { code: 'INVALID_INPUT', message: 'Nothing called "r/shp" has waited in this run. Did you mean "r/shop"?' };
    expect(await ask(run.target, decide('r/shp'))).toEqual({ ok: false, error });
  });

  it('gives one of two answers of the same moment to the first', async () => {
    await using run = await setUp();
    run.inbox.ask({ executionId: 'r', subject: 'ship' });
    run.history.hear(fact('tier2/step/escalated', 'r', { stepId: 'ship' }));
    const replies = await Promise.all([ask(run.target, decide('r/ship')), ask(run.target, decide('r/ship'))]);
    expect(replies.map((reply) => reply.ok && reply.accepted).sort()).toEqual([false, true]);
    expect(run.inbox.answers).toHaveLength(1);
  });

  it.each([
    [
      'an answer that the question does not take',
      decide('r/ship', { decision: 'retry' }),
      'INVALID_VALUE',
      'which takes: approve, reject, abort',
    ],
    ['the wrong role', decide('r/ship', { role: 'boss' }), 'NOT_PERMITTED', 'is for the role "clerk"'],
  ])('refuses %s', async (_, request, code, message) => {
    await using run = await setUp();
    run.inbox.ask({ executionId: 'r', subject: 'ship', role: 'clerk' });
    expect(await ask(run.target, request)).toMatchObject({ ok: false, error: { code, message: expect.stringContaining(message) } });
  });

  it('makes a reply of whatever goes wrong behind it', async () => {
    await using run = await setUp();
    run.inbox.ask({ executionId: 'r', subject: 'ship' });
    run.inbox.gate = () => Promise.reject(new Error('the disk is full'));
    expect(await ask(run.target, decide('r/ship'))).toEqual({
      ok: false,
      error: { code: 'EXECUTION_FAILED', message: 'the disk is full' },
    });
  });

  it.each([
    ['no JSON', 'approve everything\n', 'SYNTAX_ERROR'],
    ['bytes that are no text', Uint8Array.of(0xff, 0xfe, 10), 'SYNTAX_ERROR'],
    ['nothing', '\n', 'SYNTAX_ERROR'],
    ['JSON that is no object', 'null\n', 'NOT_PERMITTED'],
    ['no token', '{"v":1,"type":"list"}\n', 'NOT_PERMITTED'],
    ['another token', `{"v":1,"type":"list","token":"${'x'.repeat(43)}"}\n`, 'NOT_PERMITTED'],
    ['a megabyte of brackets', `${'['.repeat(1_000_000)}\n`, 'SYNTAX_ERROR'],
    ['a line without end', 'x'.repeat(MAX_REQUEST_BYTES + 1), 'LIMIT_EXCEEDED'],
  ])('refuses %s with a reason, and serves the next', async (_, bytes, code) => {
    await using run = await setUp();
    expect(JSON.parse(await raw(run.address, bytes))).toMatchObject({ ok: false, error: { code } });
    expect(await ask(run.target, { type: 'list' })).toMatchObject({ ok: true });
    expect(run.troubles).toEqual([]);
  });

  it.each([
    ['another version', { v: 2, type: 'list' }, 'INVALID_VALUE', 'speaks version 1, the request 2'],
    ['an unknown request', { v: 1, type: 'stop' }, 'INVALID_INPUT', 'type'],
    ['an unknown answer', { v: 1, ...decide('r/ship', { decision: 'maybe' }) }, 'INVALID_INPUT', 'decision'],
    ['an unknown field', { v: 1, ...decide('r/ship', { force: true }) }, 'INVALID_INPUT', 'force'],
    ['an id that is no text', { v: 1, type: 'decide', id: 7, answer: {} }, 'INVALID_INPUT', 'id'],
  ])('refuses %s and says what is wrong', async (_, request, code, message) => {
    await using run = await setUp();
    const line = `${JSON.stringify({ token: run.token, ...request })}\n`;
    expect(JSON.parse(await raw(run.address, line))).toMatchObject({
      ok: false,
      error: { code, message: expect.stringContaining(message) },
    });
  });

  it('reads a request that comes in pieces, and nothing behind it', async () => {
    await using run = await setUp();
    const line = JSON.stringify({ v: 1, token: run.token, type: 'list' });
    const [first, second] = [line.slice(0, 9), `${line.slice(9)}\n${line}\n`];
    expect((await raw(run.address, first, second)).trimEnd().split('\n')).toHaveLength(1);
  });

  it('does not wait for ever for a request', async () => {
    await using run = await setUp({ requestMs: 10 });
    expect(JSON.parse(await raw(run.address))).toMatchObject({ ok: false, error: { message: 'No request came' } });
  });

  it('takes only so many at once', async () => {
    await using run = await setUp({ connections: 1 });
    const first = connect(run.address);
    await once(first, 'connect');
    await expect(ask(run.target, { type: 'list' })).rejects.toMatchObject({ name: 'NoReply', why: 'unknown' });
    first.destroy();
    await once(first, 'close');
  });

  it('harms nobody when who asks leaves before the reply', async () => {
    await using run = await setUp();
    run.inbox.ask({ executionId: 'r', subject: 'ship' });
    const { promise, resolve } = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    run.inbox.gate = () => {
      asked.resolve();
      return promise;
    };
    const socket = connect(run.address);
    socket.write(`${JSON.stringify({ v: 1, token: run.token, ...decide('r/ship') })}\n`);
    await asked.promise;
    socket.destroy();
    await once(socket, 'close');
    resolve();
    expect(await ask(run.target, { type: 'list' })).toEqual({ ok: true, waiting: [], left: 0 });
    expect(run.troubles).toEqual([]);
  });

  it('replies to who has asked although the run ends meanwhile, and hangs up on who has not', async () => {
    const run = await setUp();
    run.inbox.ask({ executionId: 'r', subject: 'ship' });
    const { promise, resolve } = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    run.inbox.gate = () => {
      asked.resolve();
      return promise;
    };
    const silent = raw(run.address);
    const reply = ask(run.target, decide('r/ship'));
    await asked.promise;
    const closed = run.server[Symbol.asyncDispose]();
    expect(await silent).toBe('');
    resolve();
    expect(await reply).toEqual({ ok: true, accepted: true });
    await closed;
    await expect(ask(run.target, { type: 'list' })).rejects.toMatchObject({ why: 'missing' });
  });

  it('does not wait for ever for what it has to reply when the run ends', async () => {
    const run = await setUp({ replyMs: 10 });
    run.inbox.ask({ executionId: 'r', subject: 'ship' });
    const asked = Promise.withResolvers<void>();
    run.inbox.gate = () => {
      asked.resolve();
      return new Promise(() => {});
    };
    const reply = ask(run.target, decide('r/ship')).catch((thrown: unknown) => thrown);
    await asked.promise;
    await run.server[Symbol.asyncDispose]();
    expect(await reply).toBeInstanceOf(NoReply);
  });
});
