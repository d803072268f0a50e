/** Which process runs an execution of a journal: as far as the files of live runs in this folder, and the journal's lease, tell. */

import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { z } from 'zod';
import { isAlive } from '../control/live-runs.ts';
import { type Pointer, Pointers } from '../control/pointers.ts';

/** Who has a journal open for writing. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
}

const schema = z.object({ pid: z.number().int().positive(), host: z.string() });

/** Who holds the journal at `path`; of a process that has ended, and left its file behind, nothing is believed. */
export async function holderOf(path: string): Promise<Holder | undefined> {
  try {
    const { success, data } = schema.safeParse(JSON.parse(await readFile(`${path}.holder`, 'utf8')));
    return success && (data.host !== hostname() || isAlive(data.pid)) ? data : undefined;
  } catch {
    return undefined;
  }
}

export interface Runner {
  readonly pid: number;
  /** Where it listens, when it is a run of the command line. */
  readonly pointer?: Pointer;
}

export class Runners {
  readonly #holder: Holder | undefined;
  readonly #pointers: ReadonlyMap<string, Pointer>;

  /** `holder`: of the journal's lease, while that process lives. */
  static async in(cwd: string, holder: Holder | undefined): Promise<Runners> {
    const pointers = new Pointers(cwd);
    const read = await Promise.all((await pointers.ids()).map((id) => pointers.read(id)));
    const live = read.filter((pointer): pointer is Pointer => pointer !== undefined && !('reason' in pointer) && isHere(pointer, holder));
    return new Runners(holder, new Map(live.map((pointer) => [pointer.executionId, pointer])));
  }

  constructor(holder: Holder | undefined, pointers: ReadonlyMap<string, Pointer>) {
    this.#holder = holder;
    this.#pointers = pointers;
  }

  get holder(): Holder | undefined {
    return this.#holder;
  }

  /** Of an execution that has not ended. */
  of(executionId: string): Runner | undefined {
    const pointer = this.#pointers.get(executionId);
    if (pointer) return { pid: pointer.pid, pointer };
    // A process that says nothing about what it runs is a program that goes on with whatever its journal holds.
    return this.#holder && this.#pointers.size === 0 ? { pid: this.#holder.pid } : undefined;
  }
}

/** A run that keeps no journal is none of a journal's, and what a killed one has left behind names a process that does not hold it. */
const isHere = ({ pid, host }: Pointer, holder: Holder | undefined): boolean =>
  holder !== undefined && host === hostname() && holder.host === host && pid === holder.pid;
