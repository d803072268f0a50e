/** `swarmchart demo`: the repo-report swarm on any git repository. Nothing is computed here; every figure comes from a tool of the swarm's. */

import { resolve } from 'node:path';
import { loadConfiguration } from '../configuration.ts';
import { Chaos } from '../demo-chaos.ts';
import { readReport, summaryTable } from '../demo-summary.ts';
import type { Ending } from '../execute.ts';
import { swarmJob } from '../jobs.ts';
import { compiledFile, shippedFile } from '../package-files.ts';
import type { Board } from '../progress/board.ts';
import { Timeline } from '../progress/timeline.ts';
import { type CommonFlags, formatOf, guardedFormat, runJob } from '../run-job.ts';
import { startRuntime } from '../session.ts';
import { readSource } from '../source-file.ts';
import { readSwarm } from '../swarm-file.ts';
import type { Terminal } from '../terminal.ts';

export interface DemoFlags extends CommonFlags {
  readonly repo: string;
  readonly out: string;
  readonly chaos?: boolean;
}

const EXAMPLE = 'examples/repo-report';

export function demo(flags: DemoFlags, terminal: Terminal): Promise<number> {
  const format = formatOf(flags);
  return guardedFormat(format, terminal, async () => {
    const { configuration, registry } = await loadConfiguration(terminal.cwd, compiledFile(`${EXAMPLE}/swarmchart.config.ts`));
    const chaos = flags.chaos ? new Chaos() : undefined;
    await using session = await startRuntime({ ...configuration, ...(chaos && { faults: chaos.faults }) }, undefined, flags, terminal);
    chaos?.attach(session.runtime);
    const file = shippedFile(`${EXAMPLE}/repo-report.yaml`);
    const swarm = readSwarm(await readSource(file, terminal.cwd), file, { registry });
    const job = swarmJob(swarm, { repo: resolve(terminal.cwd, flags.repo), out: resolve(terminal.cwd, flags.out) });
    const timeline = new Timeline();
    const isShown = chaos !== undefined || terminal.stderr.isTTY;
    return await runJob(session, { job, timeout: flags.timeout }, format, terminal, {
      hear: (fact) => timeline.hear(fact),
      story: () => (isShown ? framed(timeline.lines()) : []),
      present: (ending) => presentReport(ending, terminal),
      refusal,
    });
  });
}

const framed = (lines: readonly string[]): readonly string[] => (lines.length === 0 ? [] : ['', ...lines, '']);

/** No repository, or no git to read it with: the user's to put right, not a failure of the analysis. */
function refusal({ error }: Ending, { fatal }: Board): string | undefined {
  if (fatal?.id !== 'inspect') return undefined;
  if (error?.code === 'INVALID_INPUT') return 'name a git repository with --repo PATH';
  return error?.code === 'PROCESS_NOT_FOUND' ? 'the demo reads a git repository, and needs git for that' : undefined;
}

async function presentReport({ result }: Ending, { stdout }: Terminal): Promise<void> {
  const { markdown, json } = result as { readonly markdown: string; readonly json: string };
  await stdout.line(summaryTable(await readReport(json)));
  await stdout.line(`\nReport: ${markdown}\n        ${json}`);
}
