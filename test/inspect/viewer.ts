/** Somebody who watches: a WebSocket that keeps what it is told. */

import { WebSocket } from 'ws';
import type { StatelyMessage } from '../../src/inspect/inspect.ts';

export class Viewer {
  readonly messages: StatelyMessage[] = [];
  /** With the code that the socket was closed with. */
  readonly closed: Promise<number>;
  /** Rejects when it is not let in. */
  readonly opened: Promise<void>;
  #onMessage: () => void = () => {};

  constructor(url: string, options: { readonly origin?: string; readonly host?: string } = {}) {
    const { origin, host } = options;
    const socket = new WebSocket(url, { ...(origin && { origin }), ...(host && { headers: { host } }) });
    socket.on('message', (data) => {
      this.messages.push(JSON.parse(String(data)) as StatelyMessage);
      this.#onMessage();
    });
    this.opened = new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    this.leave = () => socket.close();
    this.say = (text) => socket.send(text);
    this.opened.catch(() => undefined);
  }

  readonly leave: () => void;
  readonly say: (text: string) => void;

  /** Resolves when it has been told such a thing. */
  saw(isIt: (message: StatelyMessage) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#onMessage = () => this.messages.some(isIt) && resolve();
      this.#onMessage();
    });
  }
}
