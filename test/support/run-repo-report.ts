/** The demo workflow without a runtime: its tools called in the order that the workflow gives, with parsed inputs. */

import { readFile } from 'node:fs/promises';
import type { AnyTool, StandardSchema, ToolContext } from 'swarmchart';
import type { Collection } from '../../examples/repo-report/analyses/census.ts';
import type { Report } from '../../examples/repo-report/analyses/report.ts';
import type { Inspection } from '../../examples/repo-report/git/inspection.ts';
import { collect } from '../../examples/repo-report/tools/collect.ts';
import { coupling } from '../../examples/repo-report/tools/coupling.ts';
import { history } from '../../examples/repo-report/tools/history.ts';
import { hotspots } from '../../examples/repo-report/tools/hotspots.ts';
import { hygiene } from '../../examples/repo-report/tools/hygiene.ts';
import { inspect } from '../../examples/repo-report/tools/inspect.ts';
import { ownership } from '../../examples/repo-report/tools/ownership.ts';
import { type Written, write } from '../../examples/repo-report/tools/write.ts';
import { toolContext } from './tool-context.ts';

/** Checks the input by the tool's schema, as a runtime does, and passes the result through JSON, as a journal does. */
export async function callTool<T>(tool: AnyTool, input: object, context: ToolContext = toolContext()): Promise<T> {
  const parsed = await (tool.input as StandardSchema)['~standard'].validate(input);
  if (parsed.issues) throw new Error(`${tool.name}: ${JSON.stringify(parsed.issues)}`);
  return JSON.parse(JSON.stringify(await tool.run(parsed.value, context))) as T;
}

export interface ReportRun {
  readonly report: Report;
  readonly written: Written;
  readonly markdown: string;
  readonly json: string;
}

export async function runRepoReport(
  repo: string,
  out: string,
  parameters: { coupling?: object; ownership?: object; hygiene?: object } = {},
): Promise<ReportRun> {
  const inspection = await callTool<Inspection>(inspect, { repo });
  const log = await callTool<Collection>(collect, { inspection, out });
  const shared = { inspection, log };
  const written = await callTool<Written>(write, {
    ...shared,
    out,
    history: await callTool(history, shared),
    hotspots: await callTool(hotspots, shared),
    coupling: await callTool(coupling, { ...shared, ...parameters.coupling }),
    ownership: await callTool(ownership, { ...shared, ...parameters.ownership }),
    hygiene: await callTool(hygiene, { inspection, ...parameters.hygiene }),
  });
  const [markdown, json] = await Promise.all([readFile(written.markdown, 'utf8'), readFile(written.json, 'utf8')]);
  return { report: JSON.parse(json) as Report, written, markdown, json };
}
