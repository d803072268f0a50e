/**
 * Packs the built package once and checks what a user would get: publint, are-the-types-wrong, and a consumer project in strict
 * ESM TypeScript (test/consumer) that installs the packed file, compiles against it and runs. Needs `npm run build` before.
 */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string): string => join(root, 'node_modules/.bin', name);
// An npm that another npm starts must not take that one's project for its own.
const { npm_config_local_prefix: _, ...env } = process.env;

function run(title: string, cwd: string, command: string, ...args: readonly string[]): void {
  console.log(`\n── ${title}`);
  execFileSync(command, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] });
}

function pack(into: string): string {
  // Scripts are left out: `prepare` would build a second time.
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', into];
  const output: unknown = JSON.parse(execFileSync('npm', args, { cwd: root, env, encoding: 'utf8' }));
  const [first] = Object.values(
    output as Record<string, { readonly filename: string; readonly entryCount: number; readonly size: number }>,
  );
  if (!first) throw new Error('npm pack named no file');
  console.log(`packed ${first.filename}: ${first.entryCount} files, ${Math.round(first.size / 1024)} kB`);
  return join(into, first.filename);
}

function installedVersion(name: string): string {
  const manifest = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as { readonly version: string };
  return manifest.version;
}

const work = mkdtempSync(join(tmpdir(), 'swarmchart-verify-'));
try {
  const tarball = pack(work);
  run('publint', work, bin('publint'), '--strict', tarball);
  run('are the types wrong', work, bin('attw'), '--profile', 'esm-only', tarball);

  const consumer = join(work, 'consumer');
  cpSync(join(root, 'test/consumer'), consumer, { recursive: true });
  const packages = [tarball, `@types/node@${installedVersion('@types/node')}`];
  const quiet = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel', 'error'];
  run('consumer: install', consumer, 'npm', 'install', ...quiet, ...packages);
  run('consumer: compile', consumer, bin('tsc'), '-p', '.');
  run('consumer: run', consumer, process.execPath, 'out/consumer.js');
  run('consumer: command line', consumer, process.execPath, 'node_modules/swarmchart/bin/swarmchart.js', '--help');
  console.log('\nverify: the packed package is fit for use');
} finally {
  rmSync(work, { recursive: true, force: true });
}
