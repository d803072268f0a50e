/** The manifest and the lock file say exactly what is installed, and not where from. */

import { describe, expect, it } from 'vitest';
import { readProjectFile } from './project.ts';

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
interface LockFile {
  readonly version: string;
  readonly packages: Readonly<Record<string, Entry>>;
}
interface Entry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly optional?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readProjectFile('package.json')) as Manifest;
const lock = JSON.parse(readProjectFile('package-lock.json')) as LockFile;
const installed = Object.entries(lock.packages).filter(([path]) => path !== '');

describe('package.json', () => {
  it('names exact versions', () => {
    const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  });
});

describe('package-lock.json', () => {
  it('holds no registry address', () => {
    expect(installed.filter(([, entry]) => entry.resolved !== undefined)).toEqual([]);
    expect(readProjectFile('package-lock.json')).not.toMatch(/https?:\/\/[^"]*\.tgz/);
  });

  it('holds a hash of every package that a Linux machine installs', () => {
    const foreign = ({ optional, os, cpu }: Entry): boolean => optional === true && (os !== undefined || cpu !== undefined);
    expect(installed.filter(([, entry]) => entry.integrity === undefined && !foreign(entry)).map(([path]) => path)).toEqual([]);
    const own = installed.filter(([, { os, cpu, optional }]) => optional && os?.includes('linux') && cpu?.includes('x64'));
    expect(own.filter(([path, entry]) => entry.integrity === undefined && !/musl/.test(path)).map(([path]) => path)).toEqual([]);
  });

  it('names the optional binaries of every platform, without which npm ci refuses it (scripts/complete-lock.js)', () => {
    const optional = installed.flatMap(([, entry]) => Object.keys(entry.optionalDependencies ?? {}));
    expect(optional.filter((name) => lock.packages[`node_modules/${name}`]?.version === undefined)).toEqual([]);
  });

  it('belongs to this package.json', () => {
    expect(lock.version).toBe(manifest.version);
    const direct = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(direct.filter(([name, version]) => lock.packages[`node_modules/${name}`]?.version !== version)).toEqual([]);
  });
});
