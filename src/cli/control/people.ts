/** The people that a run waits for: they find it by its pointer file, and answer over its control socket as long as it lives. */

import { hostname } from 'node:os';
import { customAlphabet } from 'nanoid';
import type { Fact } from '../../machines/protocol/facts.ts';
import { UsageError } from '../outcome.ts';
import { createAddress, type Place, removeAddress } from './address.ts';
import { Desk } from './desk.ts';
import { History } from './history.ts';
import type { Inbox } from './inbox.ts';
import { Pointers } from './pointers.ts';
import { ControlServer } from './server.ts';

const createId = customAlphabet('0123456789abcdefghijklmnopqrstuvwxyz', 16);

export interface Reachable {
  readonly kind: 'workflow' | 'swarm';
  readonly name: string;
  /** Folder of the pointer file. */
  readonly cwd: string;
  readonly place?: Place;
}

export class People implements AsyncDisposable {
  /** The run must be started under this id. */
  readonly executionId: string;
  /** Hears of what goes wrong with the socket meanwhile. */
  tell: (trouble: string) => void = () => {};
  readonly #history: History;
  readonly #pointers: Pointers;
  #server: ControlServer | undefined;

  /** From now on the run can be asked. Throws UsageError when that cannot be. */
  static async invite(inbox: Inbox, { kind, name, cwd, place }: Reachable): Promise<People> {
    const executionId = createId();
    const history = new History();
    const desk = new Desk(inbox, history);
    const people = new People(executionId, history, new Pointers(cwd));
    const address = await createAddress(place);
    try {
      people.#server = await ControlServer.listen(address, desk, ({ message }) => people.tell(`The control socket failed: ${message}`));
    } catch (thrown) {
      await removeAddress(address);
      const message = `--wait-for-people cannot listen on ${address}: ${(thrown as Error).message}`;
      throw new UsageError('INVALID_VALUE', message, { cause: thrown });
    }
    const { pid } = process;
    const pointer = { v: 1, executionId, kind, name, pid, host: hostname(), startedAt: Date.now(), address, token: desk.token } as const;
    try {
      await people.#pointers.write(pointer);
    } catch (thrown) {
      await people[Symbol.asyncDispose]();
      throw thrown;
    }
    return people;
  }

  private constructor(executionId: string, history: History, pointers: Pointers) {
    this.executionId = executionId;
    this.#history = history;
    this.#pointers = pointers;
  }

  /** Whether anybody can make the run go on. */
  get areAsked(): boolean {
    return this.#history.open > 0;
  }

  /** The id of the question that this fact asks. */
  hear(fact: Fact): string | undefined {
    return this.#history.hear(fact);
  }

  /** Nobody finds the run any more; whoever has asked still gets a reply. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pointers.remove(this.executionId).catch((error: Error) => this.tell(`A file was left behind: ${error.message}`));
    await this.#server?.[Symbol.asyncDispose]();
  }
}
