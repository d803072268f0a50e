#!/usr/bin/env node
// Starts the command line. Plain JavaScript that an old Node can parse, so that it can say which one is needed.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const NEEDED = [22, 13];
const [major, minor] = process.versions.node.split('.').map(Number);
const isRecent = major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
// In a checkout the dev dependency "node" lies beside the package.
const ownNode = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));

if (isRecent) await start();
else if (existsSync(ownNode) && !process.env.SWARMCHART_RELAYED) relay();
else {
  process.stderr.write(
    `swarmchart needs Node ${NEEDED.join('.')} or newer; this is Node ${process.versions.node} (${process.execPath}).\n`,
  );
  process.exitCode = 2;
}

async function start() {
  const main = new URL('../dist/src/cli/main.js', import.meta.url);
  if (!existsSync(main)) {
    process.stderr.write('swarmchart is not built: run "npm run build" in its checkout first.\n');
    process.exitCode = 2;
    return;
  }
  const cli = await import(main.href);
  process.exitCode = await cli.main(process.argv.slice(2));
}

/** Runs the same command line on the checkout's own Node and ends as it ends. */
function relay() {
  const child = spawn(ownNode, process.argv.slice(1), { stdio: 'inherit', env: { ...process.env, SWARMCHART_RELAYED: '1' } });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends its SIGINT to the child as well, and a second one would mean "stop at once".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`swarmchart could not start ${ownNode}: ${error.message}\n`);
    process.exitCode = 2;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}
