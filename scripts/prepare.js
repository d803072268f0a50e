// Builds dist in a checkout, and does nothing where the compiler is absent (npm install --omit=dev).
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
if (existsSync(`${root}/node_modules/typescript`)) {
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
  process.exitCode = status ?? 1;
} else {
  process.stderr.write('swarmchart: no compiler installed, dist is left as it is.\n');
}
