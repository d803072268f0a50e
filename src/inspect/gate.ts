/** Who may look: requests that were meant for this server, from its own page or from no page, with its token. */

import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export class Gate {
  readonly token = randomBytes(24).toString('base64url');
  #hosts: ReadonlySet<string> = new Set();

  /** From now on it knows under which names it is called; others reach it by a trick of the name service. */
  open(port: number): void {
    this.#hosts = new Set([`127.0.0.1:${port}`, `localhost:${port}`]);
  }

  admits(request: IncomingMessage): boolean {
    const { host, origin } = request.headers;
    if (host === undefined || !this.#hosts.has(host)) return false;
    // Programs that are no browser name no origin. A browser does, and cannot lie about it.
    if (origin !== undefined && origin !== `http://${host}`) return false;
    return this.#isToken(pathOf(request)?.searchParams.get('token') ?? '');
  }

  #isToken(given: string): boolean {
    const [mine, theirs] = [Buffer.from(this.token), Buffer.from(given)];
    return mine.length === theirs.length && timingSafeEqual(mine, theirs);
  }
}

export function pathOf({ url = '' }: IncomingMessage): URL | undefined {
  return URL.canParse(url, 'http://localhost') ? new URL(url, 'http://localhost') : undefined;
}
