import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createAddress, isAddress, isPrivate, LONGEST_SOCKET_PATH, removeAddress } from '../../../src/cli/control/address.ts';
import { UsageError } from '../../../src/cli/outcome.ts';
import { Workspace } from '../terminal-for-test.ts';

describe('the address of a control socket', () => {
  it('is in a folder of its own that nobody else can enter', async () => {
    using space = new Workspace();
    const address = await createAddress({ temporary: [space.folder] });
    expect(statSync(join(address, '..')).mode & 0o777).toBe(0o700);
    expect(await isPrivate(address)).toBe(true);
    expect(isAddress(address)).toBe(true);
    await removeAddress(address);
    expect(() => statSync(join(address, '..'))).toThrow('ENOENT');
    await removeAddress(address);
  });

  it('is shorter than any system allows: a long folder for temporary files gives way to the next', async () => {
    using space = new Workspace();
    const long = join(space.folder, 'x'.repeat(100));
    mkdirSync(long);
    const address = await createAddress({ temporary: [long, space.folder] });
    expect(address.startsWith(long)).toBe(false);
    expect(Buffer.byteLength(address)).toBeLessThanOrEqual(LONGEST_SOCKET_PATH);
  });

  it('counts bytes and not characters', async () => {
    using space = new Workspace();
    const folder = join(space.folder, 'ü'.repeat(40));
    mkdirSync(folder);
    await expect(createAddress({ temporary: [folder] })).rejects.toThrow(/would have 1\d\d bytes, of at most 103/);
  });

  it('is refused with every reason when there is no place for it', async () => {
    const refusal = createAddress({ temporary: ['/no/such/folder', `/${'y'.repeat(120)}`] });
    await expect(refusal).rejects.toBeInstanceOf(UsageError);
    await expect(refusal).rejects.toThrow(/\/no\/such\/folder: ENOENT.*; \/yyy.*bytes/);
  });

  it('is a named pipe on Windows', async () => {
    const address = await createAddress({ platform: 'win32' });
    expect(address).toMatch(/^\\\\\.\\pipe\\swarmchart-[0-9a-f]{36}$/);
    expect(isAddress(address)).toBe(true);
    expect(await isPrivate(address)).toBe(true);
    await removeAddress(address);
  });

  it('is not believed when it is none of ours', () => {
    expect(['/run/docker.sock', '/tmp/control', '/tmp/swarmchart-x/other', '\\\\.\\pipe\\docker'].filter(isAddress)).toEqual([]);
  });

  it('is not private in a folder that others can enter', async () => {
    using space = new Workspace();
    mkdirSync(join(space.folder, 'swarmchart-x'), { mode: 0o755 });
    expect(await isPrivate(join(space.folder, 'swarmchart-x', 'control'))).toBe(false);
  });
});
