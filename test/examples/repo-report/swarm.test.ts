import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import config from '../../../examples/repo-report/swarmchart.config.ts';
import { loadSwarmOrThrow } from '../../../src/runtime/swarm/load.ts';
import { planTasks } from '../../../src/runtime/swarm/tasks.ts';

const source = await readFile(new URL('../../../examples/repo-report/repo-report.yaml', import.meta.url), 'utf8');
const ANALYSES = ['changes', 'history', 'ownership', 'hygiene'];

describe('the swarm file of repo-report', () => {
  const { agents, playbooks, routines } = loadSwarmOrThrow(source);
  const { plan } = planTasks(playbooks[0]?.tasks, [], 'repo-report', { routines });
  const tasks = plan?.tasks ?? [];
  const task = (id: string) => tasks.find((one) => one.id === id);
  const idsOf = (ordinals: readonly number[] = []) => ordinals.map((ordinal) => tasks[ordinal]?.id);
  const able = (id: string) =>
    agents
      .filter(({ capabilities }) => task(id)?.capabilities.every((capability) => capabilities.includes(capability)))
      .map((agent) => agent.id);

  it('uses exactly the tools of the configuration', () => {
    expect(tasks.flatMap(({ tools }) => tools).sort()).toEqual((config.tools ?? []).map((tool) => tool.name).sort());
  });

  it('ends with the report, after all analyses', () => {
    expect(tasks.filter(({ dependents }) => dependents.length === 0).map(({ id }) => id)).toEqual(['write']);
    expect(idsOf(task('write')?.dependsOn)).toEqual(expect.arrayContaining(ANALYSES));
  });

  it('has an agent for every task, and for most analyses another who can take over', () => {
    for (const { id } of tasks) expect(able(id)).not.toEqual([]);
    expect(ANALYSES.filter((id) => able(id).length > 1)).toEqual(['changes', 'history', 'ownership']);
    expect(able('changes')).toEqual(['architect', 'reviewer']);
  });

  it('looks for changes in two steps, and tries again to find owners', () => {
    expect(task('changes')?.plan.steps.map(({ id }) => id)).toEqual(['hotspots', 'coupling']);
    expect(task('ownership')?.plan.steps[0]?.retry).toMatchObject({ maxRetries: 2 });
  });
});
