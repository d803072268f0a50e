/** Pointer files: `.swarmchart/live/<executionId>.json` in the folder a run was started in says where the run listens, as long as it lives. */

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { oneLine, UsageError } from '../outcome.ts';
import { makePrivateFolder, OWN_FOLDER, prepareFolder } from '../own-folder.ts';
import { isAddress, unlessMissing } from './address.ts';

const FOLDER = join(OWN_FOLDER, 'live');
const MAX_BYTES = 16_384;

/** Also what keeps it inside its folder. */
const ID = /^[\w-]{1,128}$/;

const schema = z.object({
  v: z.literal(1),
  executionId: z.string().regex(ID),
  kind: z.enum(['workflow', 'swarm', 'step']),
  name: z.string(),
  pid: z.number().int().positive(),
  /** The machine it runs on: folders may be shared. */
  host: z.string(),
  startedAt: z.number(),
  address: z.string().refine(isAddress),
  /** Whoever can read this file may answer. */
  token: z.string().min(1).max(256),
});

export type Pointer = z.output<typeof schema>;

/** A file that says nothing of use, and why. */
export interface Unreadable {
  readonly executionId: string;
  readonly reason: string;
}

export class Pointers {
  readonly #cwd: string;
  readonly #folder: string;

  constructor(cwd: string) {
    this.#cwd = cwd;
    this.#folder = join(cwd, FOLDER);
  }

  path(executionId: string): string {
    return join(this.#folder, `${executionId}.json`);
  }

  /** For the user alone, and never seen half-written. Throws UsageError when the folder cannot be written. */
  async write(pointer: Pointer): Promise<void> {
    const { executionId } = pointer;
    if (!ID.test(executionId)) throw new UsageError('INVALID_VALUE', `No file can be named by the id "${oneLine(executionId)}" of a run`);
    const draft = join(this.#folder, `.${randomBytes(6).toString('hex')}.tmp`);
    try {
      await prepareFolder(this.#cwd);
      await makePrivateFolder(this.#folder);
      await writeFile(draft, `${JSON.stringify(pointer)}\n`, { mode: 0o600, flag: 'wx' });
      await rename(draft, this.path(executionId));
    } catch (thrown) {
      const message = `A run must tell in ${this.#folder} where it listens: ${(thrown as Error).message}`;
      throw new UsageError('INVALID_VALUE', message, { cause: thrown });
    }
  }

  async remove(executionId: string): Promise<void> {
    if (ID.test(executionId)) await rm(this.path(executionId), { force: true });
  }

  /** Ids of the runs that files are there for. */
  async ids(): Promise<readonly string[]> {
    const names = await readdir(this.#folder).catch((thrown: unknown) => {
      unlessMissing(thrown);
      return [];
    });
    return names
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -'.json'.length))
      .filter((id) => ID.test(id));
  }

  /** Undefined when there is none. */
  async read(executionId: string): Promise<Pointer | Unreadable | undefined> {
    if (!ID.test(executionId)) return undefined;
    try {
      const pointer = schema.parse(JSON.parse(await readSmall(this.path(executionId))));
      return pointer.executionId === executionId ? pointer : { executionId, reason: 'its file is about another run' };
    } catch (thrown) {
      const { code, message } = thrown as NodeJS.ErrnoException;
      if (code === 'ENOENT') return undefined;
      const isOdd = thrown instanceof z.ZodError || thrown instanceof SyntaxError;
      const reason = isOdd ? 'its file is none that this version of swarmchart writes' : `its file cannot be used: ${message}`;
      return { executionId, reason };
    }
  }
}

/** A link, a pipe or what another user has put there is not followed, waited for or believed. */
async function readSmall(path: string): Promise<string> {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  await using file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const stat = await file.stat();
  if (!stat.isFile()) throw new Error('it is no file');
  if (process.getuid && stat.uid !== process.getuid()) throw new Error('it belongs to another user');
  if (stat.size > MAX_BYTES) throw new Error(`it has ${stat.size} bytes`);
  return await file.readFile('utf8');
}
