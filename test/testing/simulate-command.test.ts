/** `npm run simulate`. */

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../house/project.ts';

const simulate = (...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/simulate.ts', ...args], { cwd: projectRoot, encoding: 'utf8' });
  return { status, stdout, stderr: stderr.replaceAll(/^.*(ExperimentalWarning|trace-warnings).*\n/gm, '') };
};

describe('npm run simulate', () => {
  it('simulates runs, or swarms, from a seed', () => {
    expect(simulate('--runs', '3', '--from', '40')).toEqual({
      status: 0,
      stdout: ['everyKind', 'runsWithinRuns', 'tightBudgets'].map((story) => `${story}: seeds 40 to 42, every invariant held\n`).join(''),
      stderr: '',
    });
    expect(simulate('--runs', '1', '--swarms').stdout).toBe(
      'wholeSwarm: seeds 1 to 1, every invariant held\nsharedAgents: seeds 1 to 1, every invariant held\n',
    );
  });

  it('refuses numbers that make no sense', () => {
    expect(simulate('--runs', 'many')).toMatchObject({
      status: 2,
      stderr: 'error: --runs takes a whole number from 1, --from one from 0\n',
    });
  });
});
