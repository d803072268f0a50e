/** The server on this machine: who may look, what late viewers are told, and what is left of it. */

import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { createWebSocketReceiver } from '@statelyai/inspect';
import { describe, expect, it } from 'vitest';
import { type AnyActorRef, createActor, createMachine, fromCallback } from 'xstate';
import { type InspectorOptions, type StatelyMessage, startInspector } from '../../src/inspect/inspect.ts';
import { Viewer } from './viewer.ts';
import { checkWire, treeOf } from './wire.ts';

/** A root with as many children as one asks for. */
async function watchedFamily(options?: InspectorOptions) {
  const inspector = await startInspector(options);
  const root = createActor(
    fromCallback(() => {}),
    { id: 'root', inspect: inspector.inspect },
  ).start();
  const chart = createMachine({ id: 'chart', initial: 'a', states: { a: { on: { GO: 'b' } }, b: {} } });
  const born = (id: string): AnyActorRef => {
    const child = createActor(chart, { id, parent: root } as object) as unknown as AnyActorRef;
    child.start();
    return child;
  };
  const { port } = new URL(inspector.url);
  return { inspector, root, born, port, [Symbol.asyncDispose]: () => inspector.stop() };
}

const isLast = (name: string) => (message: StatelyMessage) => message.type === '@xstate.actor' && message.name === name;

function get(url: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') {
  return new Promise<{ readonly status: number | undefined; readonly headers: NodeJS.Dict<string | string[]>; readonly body: string }>(
    (resolve, reject) => {
      request(url, { headers, method, agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
      })
        .on('error', reject)
        .end();
    },
  );
}

describe('a viewer', () => {
  it('that comes late is told of every live actor as it is now, parents first, and of none that has ended', async () => {
    await using family = await watchedFamily();
    family.born('first').send({ type: 'GO' });
    family.born('gone').send({ type: 'xstate.stop' });
    family.born('second');
    const viewer = new Viewer(family.inspector.socketUrl);
    await viewer.saw(isLast('second'));
    expect(treeOf(viewer.messages)).toEqual(['root', 'root > first', 'root > second']);
    expect(viewer.messages[1]).toMatchObject({ snapshot: { value: 'b' } });
    checkWire(viewer.messages);
  });

  it('is told what happens from then on, as every other is', async () => {
    await using family = await watchedFamily();
    const viewers = [new Viewer(family.inspector.socketUrl), new Viewer(family.inspector.socketUrl)];
    await Promise.all(viewers.map((viewer) => viewer.opened));
    await family.inspector.watched();
    family.born('only').send({ type: 'GO' });
    const isArrival = (message: StatelyMessage) => message.type === '@xstate.snapshot' && message.event.type === 'GO';
    await Promise.all(viewers.map((viewer) => viewer.saw(isArrival)));
    expect(viewers[0]?.messages.slice(1)).toEqual(viewers[1]?.messages.slice(1));
    expect(viewers[0]?.messages.map(({ type }) => type)).toEqual([
      '@xstate.actor',
      '@xstate.actor',
      '@xstate.event',
      '@xstate.snapshot',
      '@xstate.event',
      '@xstate.snapshot',
    ]);
  });

  it('can be the receiver of @statelyai/inspect', async () => {
    await using family = await watchedFamily();
    const { promise, resolve } = Promise.withResolvers<unknown>();
    createWebSocketReceiver({ server: family.inspector.socketUrl }).subscribe({ next: resolve });
    expect(await promise).toMatchObject({ type: '@xstate.actor', name: 'root' });
  });

  it('is shown no more than so many actors at once; who ends makes room', async () => {
    await using family = await watchedFamily({ maxActors: 2 });
    const first = family.born('first');
    family.born('second');
    expect(family.inspector.vitals).toEqual({ actors: 2, viewers: 0 });
    first.send({ type: 'xstate.stop' });
    family.born('third');
    const viewer = new Viewer(family.inspector.socketUrl);
    await viewer.saw(isLast('third'));
    expect(treeOf(viewer.messages)).toEqual(['root', 'root > third']);
  });

  it('sees nothing that the sanitizer keeps back, also when it comes late', async () => {
    const sanitize = (message: StatelyMessage) => (message.type === '@xstate.actor' && message.name === 'secret' ? undefined : message);
    await using family = await watchedFamily({ sanitize });
    family.born('secret');
    family.born('open');
    const viewer = new Viewer(family.inspector.socketUrl);
    await viewer.saw(isLast('open'));
    expect(treeOf(viewer.messages)).toEqual(['root', 'root > open']);
  });

  it('that leaves is forgotten, and one that talks too much is sent away', async () => {
    await using family = await watchedFamily();
    const viewer = new Viewer(family.inspector.socketUrl);
    await viewer.opened;
    viewer.leave();
    await viewer.closed;
    const talker = new Viewer(family.inspector.socketUrl);
    await talker.opened;
    talker.say('x'.repeat(10_000));
    expect(await talker.closed).toBe(1009);
  });
});

describe('the gate', () => {
  it('lets in whoever has the token, in a browser from its own page only', async () => {
    await using family = await watchedFamily();
    const { socketUrl } = family.inspector;
    await new Viewer(socketUrl).opened;
    await new Viewer(socketUrl, { origin: `http://127.0.0.1:${family.port}` }).opened;
    await new Viewer(socketUrl.replace('127.0.0.1', 'localhost'), { origin: `http://localhost:${family.port}` }).opened;
  });

  it.each<[string, (url: string, port: string) => Viewer]>([
    ['the page of a stranger', (url) => new Viewer(url, { origin: 'https://evil.example' })],
    ['a page without an origin', (url) => new Viewer(url, { origin: 'null' })],
    ['a page of another server on this machine', (url) => new Viewer(url, { origin: 'http://127.0.0.1:1' })],
    [
      'a name that was made to lead here',
      (url, port) => new Viewer(url, { host: `evil.example:${port}`, origin: `http://evil.example:${port}` }),
    ],
    ['a wrong token', (url) => new Viewer(`${url}x`)],
    ['no token', (url) => new Viewer(url.replace(/\?.*/, ''))],
    ['an address that is none', (url) => new Viewer(`${url.replace(/\?.*/, '')}//[`)],
  ])('turns away %s', async (_, arrive) => {
    await using family = await watchedFamily();
    const viewer = arrive(family.inspector.socketUrl, family.port);
    await expect(viewer.opened).rejects.toThrow('403');
    expect(family.inspector.vitals.viewers).toBe(0);
  });

  it('stands before the page too', async () => {
    await using family = await watchedFamily();
    const { url } = family.inspector;
    expect(await get(url)).toMatchObject({ status: 200, body: expect.stringContaining('src="https://stately.ai/inspect"') });
    expect(await get(url.replace(/\?.*/, ''))).toMatchObject({ status: 403, body: '' });
    expect(await get(url, { host: `evil.example:${family.port}` })).toMatchObject({ status: 403 });
    expect(await get(url.replace('/?', '/other?'))).toMatchObject({ status: 404 });
    expect(await get(url, {}, 'POST')).toMatchObject({ status: 404 });
  });

  it('lets the page run its own script only, frame the inspector only, and tell nobody the token', async () => {
    await using family = await watchedFamily({ url: 'https://inspector.example/a?b="c"&d' });
    const { headers, body } = await get(family.inspector.url);
    const policy = String(headers['content-security-policy']);
    const nonce = /script-src 'nonce-([^']+)'/.exec(policy)?.[1];
    expect(policy).toContain('frame-src https://inspector.example;');
    expect(policy).toContain("default-src 'none'");
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(body).toContain(`<script nonce="${nonce}">`);
    expect(body).toContain('src="https://inspector.example/a?b=%22c%22&amp;d"');
  });
});

describe('the server', () => {
  it('listens on this machine only, on the port that it was given', async () => {
    await using family = await watchedFamily();
    const { hostname, port } = new URL(family.inspector.url);
    expect(hostname).toBe('127.0.0.1');
    await expect(startInspector({ port: Number(port) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('survives those who hang up on it', async () => {
    await using family = await watchedFamily();
    for (const path of ['/', '/?token=wrong']) {
      const socket = connect(Number(family.port), '127.0.0.1');
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
      await once(socket, 'data');
      socket.resetAndDestroy();
    }
    const broken = connect(Number(family.port), '127.0.0.1');
    broken.write(`GET ${family.inspector.url.replace(/.*:\d+/, '')} HTTP/1.1\r\nHost: 127.0.0.1:${family.port}\r\n`);
    broken.write('Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    expect(String(await once(broken, 'data'))).toContain('400');
    broken.resetAndDestroy();
    await new Viewer(family.inspector.socketUrl).opened;
    expect(family.inspector.vitals.viewers).toBe(1);
  });

  it('refuses to frame what is no web page', async () => {
    await expect(startInspector({ url: 'javascript:alert(1)' })).rejects.toThrow(TypeError);
    await expect(startInspector({ url: 'nowhere' })).rejects.toThrow(TypeError);
  });

  it('lets viewers have the last message before it closes', async () => {
    const family = await watchedFamily();
    const viewer = new Viewer(family.inspector.socketUrl);
    await family.inspector.watched();
    const child = family.born('last');
    child.send({ type: 'xstate.stop' });
    await family.inspector.stop();
    expect(await viewer.closed).toBe(1000);
    expect(viewer.messages.at(-1)).toMatchObject({ type: '@xstate.snapshot', snapshot: { status: 'stopped' } });
    await expect(get(family.inspector.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await family.inspector.stop();
  });
});
