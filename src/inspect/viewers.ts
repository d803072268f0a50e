/** Those who watch, each over a WebSocket of its own. What they send is not read. */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { TOO_SLOW } from './page.ts';

const MAX_VIEWERS = 10;
/** What may wait for one viewer. Whoever lags further behind is sent away, and told everything anew when it comes again. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;
const CLOSING_GRACE_MS = 1_000;
const NORMAL_CLOSURE = 1000;

export class Viewers {
  readonly #server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 1_024 });
  readonly #sockets = new Set<WebSocket>();
  readonly #replay: () => Iterable<string>;
  readonly #maxBufferedBytes: number;
  readonly #first = Promise.withResolvers<void>();
  #isStopping = false;

  constructor(replay: () => Iterable<string>, maxBufferedBytes = MAX_BUFFERED_BYTES) {
    this.#replay = replay;
    this.#maxBufferedBytes = maxBufferedBytes;
  }

  get size(): number {
    return this.#sockets.size;
  }

  get hasRoom(): boolean {
    return !this.#isStopping && this.#sockets.size < MAX_VIEWERS;
  }

  /** Resolves when the first one has come. */
  get first(): Promise<void> {
    return this.#first.promise;
  }

  admit(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    request.socket.unref();
    this.#server.handleUpgrade(request, socket, head, (viewer) => {
      const leave = (): void => void this.#sockets.delete(viewer);
      viewer.on('close', leave);
      viewer.on('error', leave);
      for (const frame of this.#replay()) viewer.send(frame);
      this.#sockets.add(viewer);
      this.#first.resolve();
    });
  }

  send(frame: string): void {
    for (const viewer of this.#sockets) {
      if (viewer.readyState !== WebSocket.OPEN) continue;
      if (viewer.bufferedAmount <= this.#maxBufferedBytes) viewer.send(frame);
      else viewer.close(TOO_SLOW, 'too slow');
    }
  }

  async stop(graceMs = CLOSING_GRACE_MS): Promise<void> {
    this.#isStopping = true;
    const closed = [...this.#sockets].map((viewer) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      viewer.once('close', () => resolve());
      viewer.close(NORMAL_CLOSURE, 'the end');
      return promise;
    });
    if (closed.length === 0) return;
    const grace = Promise.withResolvers<void>();
    const timer = setTimeout(() => grace.resolve(), graceMs);
    await Promise.race([Promise.all(closed), grace.promise]);
    clearTimeout(timer);
    for (const viewer of this.#sockets) viewer.terminate();
  }
}
