import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { buildRepository } from '../support/build-repository.ts';
import { FakeTerminal, parseLines, Workspace } from './terminal-for-test.ts';

async function repositoryIn(folder: Workspace): Promise<void> {
  await buildRepository(join(folder.folder, 'project'), [
    { author: 'Ada', write: { 'a.ts': 'one\n', 'b.ts': 'one\n', LICENSE: 'MIT License\n' } },
    { author: 'Ada', write: { 'a.ts': 'one\ntwo\n', 'b.ts': 'one\ntwo\n' } },
    { author: 'Grace', write: { 'a.ts': 'three\n', 'b.ts': 'three // TODO\n' } },
  ]);
}

describe('swarmchart demo', () => {
  it('writes the report, and sums it up with the place where it lies', async () => {
    using folder = new Workspace();
    await repositoryIn(folder);
    const { exitCode, stdout, stderr } = await folder.run('demo', '--repo', 'project');
    const report = join(folder.folder, 'swarmchart-report', 'report.md');
    expect(exitCode).toBe(0);
    expect(existsSync(report)).toBe(true);
    expect(stdout).toContain(`Report: ${report}`);
    for (const row of [
      /^Repository {2}project$/m,
      /^Commits {5}3 {2}2024-01-01 to 2024-01-03$/m,
      /^Authors {5}2$/m,
      /^Hotspots {4}a\.ts {2}3 commits, 2 people$/m,
    ]) {
      expect(stdout).toMatch(row);
    }
    expect(stdout).toMatch(/^Coupling {4}[ab]\.ts → [ab]\.ts {2}100 % of its changes \(3 commits\)$/m);
    expect(stdout).toMatch(/^Bus factor {2}1 {2}Ada made \d+ % of the changes$/m);
    expect(stdout).toMatch(/^Hygiene {5}3 files, .*1 TODO.*no README, no lock file/m);
    const steps = ['changes/hotspots', 'changes/coupling'];
    for (const name of ['inspect', 'collect', 'history', ...steps, 'changes', 'ownership', 'hygiene', 'write']) {
      expect(stderr).toContain(`completed ${name} `);
    }
    expect(stderr).toContain('started   write  by writer\n');
    expect(stderr).toMatch(/repo-report completed: 7 of 7 tasks, /);
  });

  it('gives the result of the run with --json, and its facts with --jsonl', async () => {
    using folder = new Workspace();
    await repositoryIn(folder);
    const { stdout } = await folder.run('demo', '--repo', 'project', '--out', 'here', '--json');
    const { result } = JSON.parse(stdout) as { readonly result: { readonly json: string } };
    expect(result).toMatchObject({ json: join(folder.folder, 'here', 'report.json'), summary: { commits: 3, people: 2 } });
    expect(JSON.parse(readFileSync(result.json, 'utf8'))).toMatchObject({ format: 'repo-report/1' });
    const lines = parseLines((await folder.run('demo', '--repo', 'project', '--out', 'here', '--jsonl')).stdout);
    expect(lines.at(-1)).toMatchObject({ type: 'result', status: 'completed', swarm: 'repo-report' });
    const types = new Set(lines.map(({ type }) => type));
    for (const type of ['tier1/task/completed', 'tier2/step/completed', 'tier3/execution/completed', 'agent/leased'])
      expect(types).toContain(type);
  });

  it('draws on a terminal who did what, and when', async () => {
    using folder = new Workspace();
    await repositoryIn(folder);
    const terminal = new FakeTerminal(folder.folder, { isTTY: true });
    expect(await main(['demo', '--repo', 'project'], terminal)).toBe(0);
    const bars = terminal.err.text.split('\n').filter((line) => line.includes('█'));
    expect(bars.map((line) => line.split(/ +/).slice(0, 2))).toEqual([
      ['inspect', 'surveyor'],
      ['collect', 'surveyor'],
      ['hygiene', 'reviewer'],
      ['changes', 'architect'],
      ['history', 'historian'],
      ['ownership', 'reviewer'],
      ['write', 'writer'],
    ]);
  });

  it('reports on a repository without commits', async () => {
    using folder = new Workspace();
    await buildRepository(join(folder.folder, 'empty'), []);
    const { exitCode, stdout } = await folder.run('demo', '--repo', 'empty');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^Commits {5}0$/m);
    expect(stdout).toMatch(/^Note {8}\S/m);
  });

  it.each([
    ['a folder that is no repository', '.', 'is not a git repository'],
    ['a folder that is not there', 'nowhere', 'There is no folder'],
  ])('refuses %s with exit code 2', async (_, repo, message) => {
    using folder = new Workspace();
    const { exitCode, stdout, stderr } = await folder.run('demo', '--repo', repo);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain('next: name a git repository with --repo PATH');
  });

  it('says so when there is no git', async () => {
    using folder = new Workspace();
    const path = process.env['PATH'];
    try {
      process.env['PATH'] = folder.folder;
      const { exitCode, stderr } = await folder.run('demo');
      expect(exitCode).toBe(2);
      expect(stderr).toContain('git was not found: install it, or put it on the PATH');
    } finally {
      process.env['PATH'] = path;
    }
  });

  it('ends with 1 when the report cannot be written', async () => {
    using folder = new Workspace({ taken: 'a file\n' });
    await repositoryIn(folder);
    expect(await folder.run('demo', '--repo', 'project', '--out', 'taken')).toMatchObject({ exitCode: 1, stdout: '' });
  });
});
