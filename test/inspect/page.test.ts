/** The script of the bridge page, run between a frame and a socket that are not real. */

import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { bridgePage, TOO_SLOW } from '../../src/inspect/page.ts';

class FakeSocket {
  static all: FakeSocket[] = [];
  readonly url: string;
  isClosed = false;
  onmessage: ((event: { readonly data: string }) => void) | null = null;
  onclose: ((event: { readonly code: number }) => void) | null = null;

  constructor(url: string) {
    this.url = url;
    FakeSocket.all.push(this);
  }

  close(): void {
    this.isClosed = true;
  }
}

function openPage() {
  FakeSocket.all = [];
  const script = /<script[^>]*>([\s\S]*)<\/script>/.exec(bridgePage(new URL('https://stately.ai/inspect'), 'n'))?.[1] ?? '';
  const posted: unknown[][] = [];
  const contentWindow = { postMessage: (...message: unknown[]) => posted.push(message) };
  const state = { textContent: '' };
  const listeners: ((event: object) => void)[] = [];
  const hear = (event: object) => {
    for (const listener of listeners) listener(event);
  };
  runInNewContext(script, {
    document: { getElementById: (id: string) => (id === 'inspector' ? { contentWindow } : state) },
    window: { addEventListener: (_: string, listener: typeof hear) => listeners.push(listener) },
    location: { host: '127.0.0.1:5', search: '?token=t' },
    WebSocket: FakeSocket,
  });
  const connected = (source: unknown = contentWindow) =>
    hear({ data: { type: '@statelyai.connected' }, origin: 'https://stately.ai', source });
  return { posted, state, connected, hear, sockets: FakeSocket.all };
}

describe('the bridge page', () => {
  it('asks for nothing before the framed inspector listens', () => {
    const page = openPage();
    page.hear({ data: null, origin: 'https://stately.ai', source: {} });
    page.connected({});
    expect(page.sockets).toEqual([]);
    page.connected();
    expect(page.sockets.map(({ url }) => url)).toEqual(['ws://127.0.0.1:5/?token=t']);
  });

  it('hands every message on to the frame, and to its origin only', () => {
    const page = openPage();
    page.connected();
    page.sockets[0]?.onmessage?.({ data: '{"type":"@xstate.event"}' });
    expect(page.posted).toEqual([[{ type: '@xstate.event' }, 'https://stately.ai']]);
  });

  it('begins anew when the inspector was loaded again', () => {
    const page = openPage();
    page.connected();
    page.connected();
    expect(page.sockets).toHaveLength(2);
    expect(page.sockets[0]).toMatchObject({ isClosed: true, onmessage: null, onclose: null });
  });

  it('comes again when it was too slow, and says when there is nothing more to come', () => {
    const page = openPage();
    page.connected();
    page.sockets[0]?.onclose?.({ code: TOO_SLOW });
    expect(page.sockets).toHaveLength(2);
    page.sockets[1]?.onclose?.({ code: 1000 });
    expect(page.sockets).toHaveLength(2);
    expect(page.state.textContent).toContain('has ended');
  });
});
