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
  readonly packages: Readonly<Record<string, { readonly resolved?: string; readonly version?: string; readonly integrity?: string }>>;
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

  it('holds a hash of every package', () => {
    expect(installed.filter(([, entry]) => entry.integrity === undefined).map(([path]) => path)).toEqual([]);
  });

  it('belongs to this package.json', () => {
    expect(lock.version).toBe(manifest.version);
    const direct = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(direct.filter(([name, version]) => lock.packages[`node_modules/${name}`]?.version !== version)).toEqual([]);
  });
});
