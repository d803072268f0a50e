/** `swarmchart demo --chaos`: an agent crashes in the middle of its task, a tool fails twice, and nobody can tell from the report. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import config from '../../examples/repo-report/swarmchart.config.ts';
import type { Fact } from '../../src/index.ts';
import { buildRepository } from '../support/build-repository.ts';
import { runRepoReport } from '../support/run-repo-report.ts';
import { parseLines, Workspace } from './terminal-for-test.ts';

interface Ran {
  readonly exitCode: number;
  readonly stderr: string;
  readonly facts: readonly Fact[];
  readonly report: string;
  /** How often each tool was called. */
  readonly calls: Readonly<Record<string, number>>;
}

describe('swarmchart demo --chaos', () => {
  const folder = new Workspace();
  let calm: Ran;
  let chaotic: Ran;

  async function demo(out: string, ...flags: readonly string[]): Promise<Ran> {
    const spies = (config.tools ?? []).map((tool) => [tool.name, vi.spyOn(tool, 'run')] as const);
    const { exitCode, stdout, stderr } = await folder.run('demo', '--repo', 'project', '--out', out, '--jsonl', ...flags);
    const facts = parseLines(stdout).slice(0, -1) as unknown as readonly Fact[];
    const calls = Object.fromEntries(spies.map(([name, spy]) => [name, spy.mock.calls.length]));
    vi.restoreAllMocks();
    return { exitCode, stderr, facts, calls, report: readFileSync(join(folder.folder, out, 'report.json'), 'utf8') };
  }

  beforeAll(async () => {
    await buildRepository(join(folder.folder, 'project'), [
      { author: 'Ada', write: { 'a.ts': 'one\n', 'b.ts': 'one\n', LICENSE: 'MIT License\n' } },
      { author: 'Ada', write: { 'a.ts': 'one\ntwo\n', 'b.ts': 'one\ntwo\n' } },
      { author: 'Grace', write: { 'a.ts': 'three\n', 'b.ts': 'three // TODO\n' }, tag: 'v1.0.0' },
    ]);
    calm = await demo('calm');
    chaotic = await demo('chaotic', '--chaos');
  });
  afterAll(() => folder[Symbol.dispose]());

  const ofType = ({ facts }: Ran, type: string) =>
    facts.filter((fact) => fact.type === type).map((fact) => fact.payload as Readonly<Record<string, unknown>>);

  it('writes the same report, byte for byte', async () => {
    expect([calm.exitCode, chaotic.exitCode]).toEqual([0, 0]);
    expect(chaotic.report).toBe(calm.report);
    const { json } = await runRepoReport(join(folder.folder, 'project'), join(folder.folder, 'by-hand'));
    expect(chaotic.report).toBe(json);
  });

  it('crashes one agent when its first step is committed: the same run goes on under a new lease', () => {
    expect(ofType(calm, 'agent/crashed')).toEqual([]);
    expect(ofType(chaotic, 'agent/crashed')).toHaveLength(1);
    expect(ofType(chaotic, 'agent/restarted')).toMatchObject([{ incarnation: 2 }]);
    expect(ofType(chaotic, 'tier1/lease/lost')).toMatchObject([{ taskId: 'changes', agentId: 'architect' }]);
    expect(ofType(chaotic, 'tier1/task/continued')).toMatchObject([{ taskId: 'changes' }]);
    const seen = chaotic.facts.filter(({ stream }) => stream !== 'pool');
    const committed = seen.findIndex(
      ({ type, payload }) => type === 'tier2/step/completed' && (payload as { stepId: string }).stepId === 'hotspots',
    );
    expect(committed).toBeLessThan(seen.findIndex(({ type }) => type === 'tier1/lease/lost'));
    expect(ofType(chaotic, 'tier1/task/started').filter(({ taskId }) => taskId === 'changes')).toHaveLength(1);
  });

  it('calls no tool again whose step was committed', () => {
    const once = Object.fromEntries((config.tools ?? []).map(({ name }) => [name, 1]));
    expect(calm.calls).toEqual(once);
    // What fails and what is interrupted does so just before the tool is called.
    expect(chaotic.calls).toEqual(once);
  });

  it('lets one tool fail twice, and it is tried again', () => {
    expect(ofType(chaotic, 'tier3/attempt/failed')).toMatchObject([
      { stepId: 'ownership', attempt: 1 },
      { stepId: 'ownership', attempt: 2 },
    ]);
    expect(ofType(chaotic, 'tier2/step/completed').find(({ stepId }) => stepId === 'ownership')).toMatchObject({ attempts: 3 });
  });

  it('tells all of it on one screen', () => {
    const { stderr } = chaotic;
    const story = stderr.slice(stderr.indexOf('\n\n') + 2);
    for (const line of [
      /^changes {4}architect +█*✗ +\d+ ms, lost$/m,
      /ownership {2}attempt 1 failed: made to fail by --chaos; again in \d+ ms/,
      /ownership {2}attempt 2 failed: made to fail by --chaos; again in \d+ ms/,
      /architect {2}crashed: killed by --chaos/,
      /architect {2}restarted: life 2/,
      /changes {4}lease on architect lost, with hotspots done/,
      /changes {4}new lease: \w+ goes on; hotspots is not done again/,
      /changes {4}completed by \w+$/m,
      /ownership {2}completed by \w+, at attempt 3/,
    ]) {
      expect(story).toMatch(line);
    }
    expect(story.split('\n').length).toBeLessThan(24);
    expect(calm.stderr).not.toContain('█');
  });

  it('does the same to a repository without commits', async () => {
    await buildRepository(join(folder.folder, 'empty'), []);
    const { exitCode, stderr } = await folder.run('demo', '--repo', 'empty', '--out', 'nothing', '--chaos');
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/architect {2}crashed/);
  });

  it('tells how far it came when it cannot go on', async () => {
    const { exitCode, stderr } = await folder.run('demo', '--repo', 'nowhere', '--chaos', '--json');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^inspect {2}surveyor +█*✗ +\d+ ms, failed$/m);
  });
});
