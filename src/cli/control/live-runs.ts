/** The runs of a folder that can be asked, and those that cannot. */

import { hostname } from 'node:os';
import { isPrivate, removeAddress } from './address.ts';
import { ask, NoReply } from './client.ts';
import { type Pointer, Pointers } from './pointers.ts';
import type { Reply, Request } from './protocol.ts';

/** `over`: its process has ended without a word, and its file has been removed. `silent`: it cannot be asked, or may have heard and said nothing. */
export type Asked<Type extends Request['type']> =
  | { readonly status: 'replied'; readonly pointer: Pointer; readonly reply: Reply<Type> }
  | { readonly status: 'over'; readonly executionId: string; readonly reason: string }
  | { readonly status: 'silent'; readonly executionId: string; readonly reason: string; readonly mayHaveHeard: boolean };

const MOST_AT_ONCE = 16;

export class LiveRuns {
  readonly #pointers: Pointers;

  constructor(cwd: string) {
    this.#pointers = new Pointers(cwd);
  }

  ids(): Promise<readonly string[]> {
    return this.#pointers.ids();
  }

  async askAll<One extends Request>(request: One): Promise<readonly Asked<One['type']>[]> {
    const ids = [...(await this.ids())].sort();
    const asked: (Asked<One['type']> | undefined)[] = [];
    while (ids.length > 0) {
      asked.push(...(await Promise.all(ids.splice(0, MOST_AT_ONCE).map((executionId) => this.ask(executionId, request)))));
    }
    return asked.filter((one) => one !== undefined);
  }

  /** Undefined when no run of this id is known of. */
  async ask<One extends Request>(executionId: string, request: One): Promise<Asked<One['type']> | undefined> {
    const pointer = await this.#pointers.read(executionId);
    if (pointer === undefined) return undefined;
    const silent = (reason: string, mayHaveHeard = false): Asked<One['type']> => ({ status: 'silent', executionId, reason, mayHaveHeard });
    if ('reason' in pointer) return silent(pointer.reason);
    if (pointer.host !== hostname()) return silent(`it runs on ${pointer.host}, and can only be asked there`);
    try {
      if (!(await isPrivate(pointer.address))) return silent('its socket is in a folder that others can enter');
      return { status: 'replied', pointer, reply: await ask(pointer, request) };
    } catch (thrown) {
      const why = whyOf(thrown);
      if (why === 'unknown' || why === 'closed') return silent(`${(thrown as Error).message} (process ${pointer.pid})`, why === 'unknown');
      // A socket that is there is refused by nobody but the dead; one that is gone may have been cleared away by a tidy system.
      if (why === 'missing' && isAlive(pointer.pid)) {
        return silent(
          `its socket is gone, though process ${pointer.pid} lives; if that is another one, remove ${this.#pointers.path(executionId)}`,
        );
      }
      await this.#clear(pointer);
      return { status: 'over', executionId, reason: `its process ${pointer.pid} has ended` };
    }
  }

  /** What a process that was killed has left behind. */
  async #clear({ executionId, address }: Pointer): Promise<void> {
    await this.#pointers.remove(executionId);
    await removeAddress(address);
  }
}

function whyOf(thrown: unknown): NoReply['why'] {
  if (thrown instanceof NoReply) return thrown.why;
  if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return 'missing';
  throw thrown;
}

/** A process of another user is none of ours: the file that named it is this user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
