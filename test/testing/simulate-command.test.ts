/** `npm run simulate`. */

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../house/project.ts';
import { EVERY_CHART } from '../machines/paths/every-chart.ts';

const simulate = (...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/simulate.ts', ...args], { cwd: projectRoot, encoding: 'utf8' });
  return { status, stdout, stderr: stderr.replaceAll(/^.*(ExperimentalWarning|trace-warnings).*\n/gm, '') };
};

describe('npm run simulate', () => {
  it('simulates runs, or swarms, from a seed', () => {
    expect(simulate('--runs', '3', '--from', '40')).toEqual({
      status: 0,
      stdout: ['everyKind', 'runsWithinRuns', 'tightBudgets', 'restartedRun']
        .map((story) => `${story}: seeds 40 to 42, every invariant held\n`)
        .join(''),
      stderr: '',
    });
    expect(simulate('--runs', '1', '--swarms').stdout).toBe(
      ['wholeSwarm', 'sharedAgents', 'restartedSwarm'].map((story) => `${story}: seeds 1 to 1, every invariant held\n`).join(''),
    );
  });

  it('simulates every chart, or only one', () => {
    const lines = Object.keys(EVERY_CHART).map((name) => `${name}: seeds 5 to 6, every invariant held\n`);
    expect(simulate('--charts', '--runs', '2', '--from', '5').stdout).toBe(lines.join(''));
    expect(simulate('--charts', '--only', 'waiter', '--runs', '2', '--from', '5').stdout).toBe(
      'waiter: seeds 5 to 6, every invariant held\n',
    );
    expect(simulate('--charts', '--only', 'nothing')).toMatchObject({ status: 2, stderr: expect.stringContaining('no story "nothing"') });
  });

  it('refuses numbers that make no sense', () => {
    expect(simulate('--runs', 'many')).toMatchObject({
      status: 2,
      stderr: 'error: --runs takes a whole number from 1, --from one from 0\n',
    });
  });
});
