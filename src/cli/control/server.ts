/** Listens on the control socket of a run. Whoever connects says one line and gets one. */

import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { isPipe, removeAddress } from './address.ts';
import { type Desk, refuse } from './desk.ts';
import { MAX_REQUEST_BYTES, type Reply } from './protocol.ts';

export interface ServerLimits {
  /** For a request to arrive in. */
  readonly requestMs: number;
  /** For a reply to be fetched in, also when the run is over. */
  readonly replyMs: number;
  readonly connections: number;
}

const LIMITS: ServerLimits = { requestMs: 10_000, replyMs: 2_000, connections: 32 };

const NEWLINE = 10;

export class ControlServer implements AsyncDisposable {
  readonly #address: string;
  readonly #server: Server;
  readonly #desk: Pick<Desk, 'answer'>;
  readonly #onError: (error: Error) => void;
  readonly #limits: ServerLimits;
  /** Those that have not said anything yet, and those that wait for their reply or take it. */
  readonly #silent = new Set<Socket>();
  readonly #served = new Set<Socket>();
  #isClosing = false;

  /** Rejects when the address cannot be listened on. `onError` hears of what goes wrong later. */
  static async listen(
    address: string,
    desk: Pick<Desk, 'answer'>,
    onError: (error: Error) => void,
    limits: Partial<ServerLimits> = {},
  ): Promise<ControlServer> {
    const server = new ControlServer(address, desk, onError, { ...LIMITS, ...limits });
    server.#server.listen(address);
    await once(server.#server, 'listening');
    server.#server.on('error', onError);
    // The folder around it is closed to others, so nobody has come in before this.
    if (!isPipe(address)) await chmod(address, 0o600);
    return server;
  }

  private constructor(address: string, desk: Pick<Desk, 'answer'>, onError: (error: Error) => void, limits: ServerLimits) {
    this.#address = address;
    this.#desk = desk;
    this.#onError = onError;
    this.#limits = limits;
    this.#server = createServer((socket) => this.#hear(socket));
    this.#server.maxConnections = limits.connections;
  }

  /** Nobody can come any more; whoever has asked still gets a reply. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    for (const socket of this.#silent) socket.destroy();
    const late = setTimeout(() => {
      for (const socket of this.#served) socket.destroy();
    }, this.#limits.replyMs);
    await closed;
    clearTimeout(late);
    await removeAddress(this.#address).catch(this.#onError);
  }

  #hear(socket: Socket): void {
    const chunks: Buffer[] = [];
    let size = 0;
    this.#silent.add(socket);
    const timer = setTimeout(() => this.#reply(socket, refuse('INVALID_INPUT', 'No request came')), this.#limits.requestMs);
    const settle = (): void => {
      clearTimeout(timer);
      socket.off('data', read);
    };
    const read = (chunk: Buffer): void => {
      const end = chunk.indexOf(NEWLINE);
      const part = end < 0 ? chunk : chunk.subarray(0, end);
      size += part.length;
      if (size > MAX_REQUEST_BYTES) {
        settle();
        this.#reply(socket, refuse('LIMIT_EXCEEDED', `A request has at most ${MAX_REQUEST_BYTES} bytes`));
        return;
      }
      chunks.push(part);
      if (end < 0) return;
      settle();
      void this.#serve(socket, Buffer.concat(chunks));
    };
    socket.on('data', read);
    // Whoever leaves in the middle has said what it wanted to say.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      settle();
      this.#silent.delete(socket);
      this.#served.delete(socket);
    });
  }

  async #serve(socket: Socket, line: Buffer): Promise<void> {
    this.#silent.delete(socket);
    this.#served.add(socket);
    this.#reply(socket, await this.#desk.answer(line));
  }

  /** What still comes is read and thrown away: a socket closed upon unread bytes would lose the reply. */
  #reply(socket: Socket, reply: Reply): void {
    if (socket.destroyed) return;
    this.#silent.delete(socket);
    this.#served.add(socket);
    socket.resume();
    socket.end(`${JSON.stringify(reply)}\n`);
    const timer = setTimeout(() => socket.destroy(), this.#limits.replyMs);
    socket.once('close', () => clearTimeout(timer));
  }
}
