/** Viewers that do not keep up: what waits for them stays bounded, and nobody waits for them. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { TOO_SLOW } from '../../src/inspect/page.ts';
import { Viewers } from '../../src/inspect/viewers.ts';

const MEGABYTE = 1024 * 1024;

/** One viewer who has come, and reads nothing until it is told to. */
async function deafViewer(replay: readonly string[] = []) {
  const viewers = new Viewers(() => replay, MEGABYTE);
  const server = createServer().on('upgrade', (request, socket, head) => viewers.admit(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  let received = 0;
  client.on('message', () => received++);
  const closed = new Promise<number>((resolve) => client.once('close', resolve));
  await new Promise((resolve) => client.once('open', resolve));
  client.pause();
  return {
    viewers,
    client,
    closed,
    received: () => received,
    [Symbol.asyncDispose]: async () => {
      await viewers.stop(1);
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('a viewer who does not read', () => {
  it('is sent away before much has piled up', async () => {
    await using world = await deafViewer();
    const frame = 'x'.repeat(MEGABYTE);
    for (let frames = 0; frames < 100; frames++) world.viewers.send(frame);
    world.client.resume();
    expect(await world.closed).toBe(TOO_SLOW);
    expect(world.received()).toBeLessThan(100);
  });

  it('holds up nobody who stops', async () => {
    await using world = await deafViewer();
    await world.viewers.stop(1);
    expect(world.viewers.hasRoom).toBe(false);
    world.client.resume();
    expect(typeof (await world.closed)).toBe('number');
  });
});
