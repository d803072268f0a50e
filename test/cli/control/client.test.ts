import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask, fits } from '../../../src/cli/control/client.ts';
import { MAX_REPLY_BYTES, MAX_REQUEST_BYTES } from '../../../src/cli/control/protocol.ts';
import { Workspace } from '../terminal-for-test.ts';

/** What listens on a socket, which may be anything. */
async function stranger(folder: Workspace, behave: (socket: Socket) => void) {
  const address = join(folder.folder, 'control');
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => behave(socket));
  });
  await new Promise<void>((resolve) => void server.listen(address, resolve));
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    target: { address, token: 't' },
    async [Symbol.asyncDispose]() {
      server.close(() => resolve());
      await promise;
    },
  };
}

describe('who asks a run', () => {
  it.each([
    ['hangs up', (socket: Socket) => socket.end(), 'it hung up without a reply'],
    ['breaks off', (socket: Socket) => void socket.write('{"ok":', () => socket.destroy()), 'its reply is no JSON'],
    ['replies with what is no JSON', (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n'), 'its reply is no JSON'],
    ['replies with something else', (socket: Socket) => socket.end('{"ok":true}\n'), 'its reply makes no sense'],
    ['talks without end', (socket: Socket) => socket.write(Buffer.alloc(MAX_REPLY_BYTES + 1)), 'its reply has more than'],
  ])('is told when the other side %s', async (_, behave, message) => {
    using folder = new Workspace();
    await using other = await stranger(folder, behave);
    await expect(ask(other.target, { type: 'list' })).rejects.toMatchObject({
      name: 'NoReply',
      why: 'unknown',
      message: expect.stringContaining(message),
    });
  });

  it('does not wait for ever for a reply', async () => {
    using folder = new Workspace();
    await using other = await stranger(folder, () => {});
    await expect(ask(other.target, { type: 'list' }, 20)).rejects.toThrow('it did not reply within 20 ms');
  });

  it('is told when nobody is there', async () => {
    using folder = new Workspace();
    await expect(ask({ address: join(folder.folder, 'control'), token: 't' }, { type: 'list' })).rejects.toMatchObject({ why: 'missing' });
  });

  it('knows beforehand what is too long to be heard', () => {
    const request = (value: string) => ({ type: 'decide', id: 'r/a', answer: { decision: 'approve', value } }) as const;
    expect([fits(request('x'.repeat(1_000_000))), fits(request('x'.repeat(MAX_REQUEST_BYTES)))]).toEqual([true, false]);
  });
});
