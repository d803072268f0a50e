/** Where other processes find runs of this one, by their pointer files, and reach them over a control socket as long as they live. */

import { hostname } from 'node:os';
import { customAlphabet } from 'nanoid';
import type { Fact } from '../../machines/protocol/facts.ts';
import { UsageError } from '../outcome.ts';
import { createAddress, type Place, removeAddress } from './address.ts';
import { Desk } from './desk.ts';
import { History } from './history.ts';
import type { Controls, Inbox } from './inbox.ts';
import { type Pointer, Pointers } from './pointers.ts';
import { ControlServer } from './server.ts';

export const createId = customAlphabet('0123456789abcdefghijklmnopqrstuvwxyz', 16);

export interface Reachable {
  readonly runs: readonly Pick<Pointer, 'executionId' | 'kind' | 'name'>[];
  /** Folder of the pointer files. */
  readonly cwd: string;
  readonly place?: Place;
}

export class People implements AsyncDisposable {
  /** Hears of what goes wrong with the socket meanwhile. */
  tell: (trouble: string) => void = () => {};
  readonly #history = new History();
  readonly #pointers: Pointers;
  readonly #ids: ReadonlySet<string>;
  #server: ControlServer | undefined;

  /** From now on the runs can be asked. Throws UsageError when that cannot be. */
  static async invite(inbox: Inbox, controls: Controls, { runs, cwd, place }: Reachable): Promise<People> {
    const people = new People(new Set(runs.map(({ executionId }) => executionId)), new Pointers(cwd));
    const desk = new Desk(inbox, people.#history, controls, (id) => people.#ids.has(id));
    const address = await createAddress(place);
    try {
      people.#server = await ControlServer.listen(address, desk, ({ message }) => people.tell(`The control socket failed: ${message}`));
    } catch (thrown) {
      await removeAddress(address);
      const message = `A run cannot listen on ${address}: ${(thrown as Error).message}`;
      throw new UsageError('INVALID_VALUE', message, { cause: thrown });
    }
    const here = { v: 1, pid: process.pid, host: hostname(), startedAt: Date.now(), address, token: desk.token } as const;
    try {
      for (const run of runs) await people.#pointers.write({ ...here, ...run });
    } catch (thrown) {
      await people[Symbol.asyncDispose]();
      throw thrown;
    }
    return people;
  }

  private constructor(ids: ReadonlySet<string>, pointers: Pointers) {
    this.#ids = ids;
    this.#pointers = pointers;
  }

  /** Ids of the questions that wait for people in an execution. */
  askedIn(executionId: string): readonly string[] {
    return this.#history.openIn(executionId);
  }

  /** The id of the question that this fact asks. */
  hear(fact: Fact): string | undefined {
    return this.#history.hear(fact);
  }

  /** Nobody finds the runs any more; whoever has asked still gets a reply. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#ids) {
      await this.#pointers.remove(id).catch((error: Error) => this.tell(`A file was left behind: ${error.message}`));
    }
    await this.#server?.[Symbol.asyncDispose]();
  }
}
