/** Where a run's control socket is: in a folder of its own that nobody else can enter, or among the named pipes on Windows. */

import { randomBytes } from 'node:crypto';
import { lstat, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { UsageError } from '../outcome.ts';

/** Of a socket's path in bytes: macOS has room for 104 with the zero at the end, Linux for 108. */
export const LONGEST_SOCKET_PATH = 103;

const FOLDER = 'swarmchart-';
const SOCKET = 'control';
const SUFFIX_LENGTH = 6;

export interface Place {
  readonly platform?: NodeJS.Platform;
  /** Folders to try, the best one first. */
  readonly temporary?: readonly string[];
}

const PIPES = '\\\\.\\pipe\\';

/** Makes the folder that the address lies in, with mode 0700. Throws UsageError when there is no place for one. */
export async function createAddress({ platform = process.platform, temporary = [tmpdir(), '/tmp'] }: Place = {}): Promise<string> {
  if (platform === 'win32') return `${PIPES}${FOLDER}${randomBytes(18).toString('hex')}`;
  const problems: string[] = [];
  for (const folder of new Set(temporary)) {
    const length = Buffer.byteLength(join(folder, FOLDER)) + SUFFIX_LENGTH + Buffer.byteLength(`/${SOCKET}`);
    if (length > LONGEST_SOCKET_PATH) {
      problems.push(`${folder}: a socket's path in it would have ${length} bytes, of at most ${LONGEST_SOCKET_PATH}`);
      continue;
    }
    try {
      return join(await mkdtemp(join(folder, FOLDER)), SOCKET);
    } catch (thrown) {
      problems.push(`${folder}: ${(thrown as Error).message}`);
    }
  }
  const hint = 'TMPDIR names the folder for temporary files: give it a short one that can be written';
  throw new UsageError('INVALID_VALUE', `There is no place for the socket on which a run is reached. ${problems.join('; ')}`, { hint });
}

/** Whether it looks like one of ours. What a file says is the address is not to be trusted further than that. */
export const isAddress = (address: string): boolean =>
  address.startsWith(`${PIPES}${FOLDER}`) || (basename(address) === SOCKET && basename(dirname(address)).startsWith(FOLDER));

export const isPipe = (address: string): boolean => address.startsWith(PIPES);

/** Whether nobody but this user could have put the socket there. */
export async function isPrivate(address: string): Promise<boolean> {
  if (isPipe(address)) return true;
  const folder = await lstat(dirname(address));
  return folder.isDirectory() && folder.uid === process.getuid?.() && (folder.mode & 0o077) === 0;
}

/** Removes the socket and its folder, as far as they are still there. */
export async function removeAddress(address: string): Promise<void> {
  if (isPipe(address) || !isAddress(address)) return;
  await rm(address, { force: true });
  await rmdir(dirname(address)).catch(unlessMissing);
}

export function unlessMissing(thrown: unknown): void {
  if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
}
