import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import config from '../../../examples/repo-report/swarmchart.config.ts';
import { loadWorkflow } from '../../../src/runtime/workflow/load.ts';

const source = await readFile(new URL('../../../examples/repo-report/repo-report.yaml', import.meta.url), 'utf8');

describe('the workflow file of repo-report', () => {
  const { plan } = loadWorkflow(source);
  const step = (id: string): (typeof plan.steps)[number] | undefined => plan.steps[plan.ordinals[id] ?? -1];
  const idsOf = (ordinals: readonly number[] = []): (string | undefined)[] => ordinals.map((ordinal) => plan.steps[ordinal]?.id);

  it('uses exactly the tools of the configuration', () => {
    const used = plan.steps.flatMap(({ work }) => (work.kind === 'tool' ? [work.tool] : []));
    expect(used.sort()).toEqual(config.tools.map((tool) => tool.name).sort());
  });

  it('ends with the report, after all analyses', () => {
    expect(idsOf(plan.sinks)).toEqual(['write']);
    expect(idsOf(step('analyses')?.children)).toEqual(['history', 'hotspots', 'coupling', 'ownership', 'hygiene']);
    expect(idsOf(step('write')?.dependsOn)).toContain('analyses');
  });
});
