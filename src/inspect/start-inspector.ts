/** A server on this machine that shows live actors in the Stately inspector. */

import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { InspectionEvent } from 'xstate';
import { takeCensus } from './census.ts';
import { Gate, pathOf } from './gate.ts';
import { Living } from './living.ts';
import type { StatelyMessage } from './messages.ts';
import { bridgePage, pageHeaders } from './page.ts';
import { type StatelyOptions, sanitizer, writerFor } from './stately-events.ts';
import { Viewers } from './viewers.ts';

export interface InspectorOptions extends StatelyOptions {
  /** Of 127.0.0.1, the only address it listens on. 0: any that is free. @default 0 */
  readonly port?: number;
  /** The inspector's page, framed in the bridge page. @default https://stately.ai/inspect */
  readonly url?: string;
  /** Live actors that are shown; while there are more, the latest are left out. @default 500 */
  readonly maxActors?: number;
}

export interface Inspector extends AsyncDisposable {
  /** Open it in a browser. It holds a secret: whoever has it sees everything that the actors know. */
  readonly url: string;
  /** The same for programs: a WebSocket that sends one message a frame. */
  readonly socketUrl: string;
  /** Who watches at present, and how many live actors they are shown. */
  readonly vitals: { readonly viewers: number; readonly actors: number };
  /** For `createRuntime({ inspect })`; for several runtimes, if you like. */
  readonly inspect: (event: InspectionEvent) => void;
  /** Resolves when somebody watches. Only while somebody waits for this does the server keep the process alive. */
  watched(): Promise<void>;
  /** Lets viewers have what was sent, at most 1 s, and closes. */
  stop(): Promise<void>;
}

export const DEFAULT_INSPECTOR_URL = 'https://stately.ai/inspect';
export const DEFAULT_MAX_ACTORS = 500;

/**
 * Starts it. Rejects with the error of Node when the port is taken, and with a TypeError when `url` is no http or https address.
 * A viewer is first told of every live actor, with its state of that moment; while nobody watches, next to nothing is done.
 */
export async function startInspector(options: InspectorOptions = {}): Promise<Inspector> {
  const page = new URL(options.url ?? DEFAULT_INSPECTOR_URL);
  if (!/^https?:$/.test(page.protocol)) throw new TypeError(`The inspector's page must be at an http or https address, not ${page.href}`);
  const writer = writerFor(options);
  const sanitize = sanitizer(options, writer);
  const living = new Living(options.maxActors ?? DEFAULT_MAX_ACTORS);
  const frameOf = (message: StatelyMessage): string | undefined => {
    const clean = sanitize(message);
    return clean && JSON.stringify(clean);
  };
  const replay = function* (): Generator<string> {
    for (const party of living.all()) {
      const frame = frameOf(writer.actor(party));
      if (frame !== undefined) yield frame;
    }
  };
  const gate = new Gate();
  const viewers = new Viewers(replay);
  const tell = (message: () => StatelyMessage): void => {
    const frame = viewers.size === 0 ? undefined : frameOf(message());
    if (frame !== undefined) viewers.send(frame);
  };
  const inspect = takeCensus({
    actor: (party) => {
      if (living.enter(party)) tell(() => writer.actor(party));
    },
    event: (party, event, source) => {
      if (living.has(party.ref)) tell(() => writer.event(party, event, source));
    },
    snapshot: (party, snapshot, event, isLast) => {
      if (!living.has(party.ref)) return;
      tell(() => writer.snapshot(party, snapshot, event));
      if (isLast) living.leave(party.ref);
    },
  });

  const server = createServer((request, response) => answer(request, response, gate, page));
  server.on('upgrade', (request, socket, head) => {
    if (gate.admits(request) && viewers.hasRoom) {
      viewers.admit(request, socket, head);
      return;
    }
    socket.on('error', () => socket.destroy());
    socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
  });
  const port = await listen(server, options.port ?? 0);
  gate.open(port);
  const stop = async (): Promise<void> => {
    await viewers.stop();
    const closed = Promise.withResolvers<void>();
    server.close(() => closed.resolve());
    server.closeAllConnections();
    await closed.promise;
  };
  return {
    url: `http://127.0.0.1:${port}/?token=${gate.token}`,
    socketUrl: `ws://127.0.0.1:${port}/?token=${gate.token}`,
    get vitals() {
      return { viewers: viewers.size, actors: living.size };
    },
    inspect,
    async watched() {
      server.ref();
      await viewers.first;
      server.unref();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function listen(server: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  // It stays: a later error of the server must not end the process.
  server.on('error', reject);
  server.listen(port, '127.0.0.1', () => {
    server.unref();
    resolve((server.address() as AddressInfo).port);
  });
  return promise;
}

function answer(request: IncomingMessage, response: ServerResponse, gate: Gate, page: URL): void {
  request.socket.unref();
  if (!gate.admits(request)) {
    response.writeHead(403).end();
    return;
  }
  if (request.method !== 'GET' || pathOf(request)?.pathname !== '/') {
    response.writeHead(404).end();
    return;
  }
  const nonce = randomBytes(16).toString('base64');
  response.writeHead(200, pageHeaders(page, request.socket.localPort ?? 0, nonce)).end(bridgePage(page, nonce));
}
