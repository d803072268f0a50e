import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess } from 'swarmchart';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Collection } from '../../../examples/repo-report/analyses/census.ts';
import type { Inspection } from '../../../examples/repo-report/git/inspection.ts';
import { readSpool } from '../../../examples/repo-report/git/spool.ts';
import { collect } from '../../../examples/repo-report/tools/collect.ts';
import { inspect } from '../../../examples/repo-report/tools/inspect.ts';
import { buildRepository, type CommitSpec, git, ISOLATED, importRepository, syntheticHistory } from '../../support/build-repository.ts';
import { collectAll } from '../../support/collect-all.ts';
import { callTool, type ReportRun, runRepoReport } from '../../support/run-repo-report.ts';
import { toolContext } from '../../support/tool-context.ts';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'swarmchart-report-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

let made = 0;
const fresh = (): string => join(scratch, `folder-${made++}`);
const build = (commits: readonly CommitSpec[]): Promise<string> => buildRepository(fresh(), commits);
const reportOn = (repo: string, parameters?: Parameters<typeof runRepoReport>[2]): Promise<ReportRun> =>
  runRepoReport(repo, fresh(), parameters);

const linesOf = (count: number, word = 'line'): string => Array.from({ length: count }, (_, index) => `${word} ${index}\n`).join('');

describe('a report on a small project with a known history', () => {
  let run: ReportRun;
  beforeAll(async () => {
    const repo = await build([
      {
        write: {
          'README.md': 'Hello\n',
          LICENSE: 'Permission is hereby granted, free of charge, to any person obtaining a copy\n',
          'src/engine.ts': linesOf(10),
        },
      },
      { author: 'Bob', write: { 'src/engine.ts': linesOf(12), 'test/engine.test.ts': linesOf(6) }, tag: 'v1.0.0' },
      { author: 'Bob', rename: { 'src/engine.ts': 'src/core/motor.ts' } },
      { author: 'Cy', write: { 'src/core/motor.ts': `${linesOf(12)}// TODO one TODO two, FIXME\n`, 'test/engine.test.ts': linesOf(7) } },
      {
        author: 'dependabot[bot]',
        email: '49699333+dependabot[bot]@users.noreply.github.com',
        write: { 'package-lock.json': linesOf(50) },
      },
      { write: { 'logo.png': new Uint8Array([0, 1, 2, 0]), 'src/old.ts': linesOf(99) } },
      { remove: ['src/old.ts'], tag: 'v1.1.0' },
      { on: 'feature', author: 'Bob', write: { 'src/feature.ts': linesOf(3) } },
      { on: 'main', write: { 'README.md': 'Hello\nthere\n' } },
      { merge: 'feature', message: 'Merge feature', tag: 'checkpoint' },
      { author: 'Robert', email: 'bob@example.com', write: { '.mailmap': 'Bob <bob@example.com>\n' } },
    ]);
    run = await reportOn(repo, { coupling: { minSupport: 2 } });
  });

  it('counts people, merges and bots apart, after mailmap', () => {
    expect(run.report.history).toMatchObject({
      commits: 9,
      merges: 1,
      botCommits: 1,
      people: 3,
      bots: ['dependabot[bot]'],
      first: '2024-01-01',
      last: '2024-01-11',
    });
    expect(run.report.history.authors.top.map((one) => [one.author, one.commits])).toEqual([
      ['Ann', 4],
      ['Bob', 4],
      ['Cy', 1],
    ]);
  });

  it('lists releases with their dates', () => {
    expect(run.report.history.releases).toEqual({
      count: 2,
      latest: {
        top: [
          { tag: 'v1.1.0', date: '2024-01-07' },
          { tag: 'v1.0.0', date: '2024-01-02' },
        ],
        leftOut: 0,
      },
      medianDaysBetween: 5,
      otherTags: 1,
    });
  });

  it('ranks the renamed file by all of its history, and no deleted, binary or lock file', () => {
    const { files, notRanked } = run.report.hotspots;
    const [motor] = files.top;
    expect(motor).toMatchObject({ path: 'src/core/motor.ts', score: 100, commits: 4, churn: 13, people: 3, lines: 13 });
    expect(files.top.map((file) => file.path)).toEqual([
      'src/core/motor.ts',
      'test/engine.test.ts',
      'src/feature.ts',
      'README.md',
      '.mailmap',
      'LICENSE',
    ]);
    expect(notRanked).toBe(0);
  });

  it('gives support and confidence of files that change together', () => {
    expect(run.report.coupling.pairs.top).toEqual([
      { file: 'test/engine.test.ts', partner: 'src/core/motor.ts', support: 2, confidence: 1, reverse: 0.5 },
    ]);
  });

  it('tells who owns what', () => {
    const { folders, onePersonFolders, folderCount, whole } = run.report.ownership;
    expect(whole).toMatchObject({ changes: 12, people: 3, busFactor: 2 });
    expect([onePersonFolders, folderCount]).toEqual([4, 4]);
    expect(folders.top[0]).toEqual({
      folder: '.',
      changes: 5,
      people: 2,
      busFactor: 1,
      owners: [
        { author: 'Ann', share: 0.8 },
        { author: 'Bob', share: 0.2 },
      ],
    });
    expect(folders.top.map(({ folder, changes }) => [folder, changes])).toEqual([
      ['.', 5],
      ['src/core', 4],
      ['test', 2],
      ['src', 1],
    ]);
  });

  it('looks after the house', () => {
    expect(run.report.hygiene).toMatchObject({
      files: 8,
      binaryFiles: 1,
      markers: { TODO: 2, FIXME: 1 },
      markedFiles: { top: [{ path: 'src/core/motor.ts', count: 3 }], leftOut: 0 },
      licence: { path: 'LICENSE', kind: 'MIT' },
      readme: 'README.md',
      lockFiles: { top: ['package-lock.json'], leftOut: 0 },
      ci: { top: [] },
      codeLines: 16,
      testLines: 7,
      testsToCode: 0.4375,
    });
  });

  it('says what the log held', () => {
    expect(run.report.log).toMatchObject({ commits: 11, merges: 1, botCommits: 1, renames: 1, binaryChanges: 1, boundaryCommits: 0 });
    expect(run.report.notes).toEqual([]);
  });

  it('is a page worth reading', async () => {
    const head = run.report.repository.head ?? '';
    const stable = run.markdown.replaceAll(head.slice(0, 12), 'HEAD').replaceAll(run.report.repository.name, 'project');
    await expect(stable).toMatchFileSnapshot('small-project.report.txt');
  });

  it('returns the paths and a summary', () => {
    expect(run.written).toMatchObject({
      markdown: expect.stringMatching(/report\.md$/),
      summary: { commits: 9, people: 3, files: 8, busFactor: 2 },
    });
  });
});

describe('the same state of a repository', () => {
  it('gives the same report, byte for byte, and leaves nothing else behind', async () => {
    const repo = await build([{ write: { a: 'a\n', b: 'b\n' } }, { write: { a: 'aa\n', b: 'bb\n' }, author: 'Bob', tag: '1.0.0' }]);
    const out = fresh();
    const first = await runRepoReport(repo, out);
    const second = await reportOn(repo);
    expect(second.json).toBe(first.json);
    expect(second.markdown).toBe(first.markdown);
    expect(first.json).not.toContain(scratch);
    expect((await readdir(out)).sort()).toEqual(['report.json', 'report.md']);
  });

  it('does not depend on the configuration of git', async () => {
    const repo = await build([
      { write: { 'dir/é': linesOf(20), z: 'TODO\n' } },
      { rename: { 'dir/é': 'dir/ü' } },
      { author: 'Bob', write: { a: 'a\n', z: 'z\n' } },
    ]);
    const { json } = await reportOn(repo);
    const settings = {
      'diff.renames': 'false',
      'diff.algorithm': 'patience',
      'diff.relative': 'true',
      'diff.noprefix': 'true',
      'log.showSignature': 'true',
      'log.date': 'relative',
      'log.follow': 'true',
      'log.mailmap': 'false',
      'log.showRoot': 'false',
      'core.quotePath': 'true',
      'color.ui': 'always',
      'grep.lineNumber': 'true',
      'grep.column': 'true',
      'grep.patternType': 'perl',
      'format.pretty': 'oneline',
    };
    for (const [key, value] of Object.entries(settings)) await git(repo, ['config', key, value]);
    expect((await reportOn(repo)).json).toBe(json);
    expect((await reportOn(join(repo, 'dir'))).json).toBe(json);
  });

  it('ignores what is not committed', async () => {
    const repo = await build([{ write: { a: 'a\n' } }]);
    const { json } = await reportOn(repo);
    await writeFile(join(repo, 'a'), 'TODO TODO\n');
    await writeFile(join(repo, 'new'), 'TODO\n');
    expect((await reportOn(repo)).json).toBe(json);
  });
});

describe('unusual repositories', () => {
  it('without commits: says so, and reports what there is', async () => {
    const { report, markdown } = await reportOn(await build([]));
    expect(report.repository).toMatchObject({ head: null, branch: 'main' });
    expect(report.history).toMatchObject({ commits: 0, first: null, authors: { top: [] } });
    expect(report.hygiene.files).toBe(0);
    expect(markdown).toContain('no commits yet');
  });

  it('cloned shallow: says so, and does not count the edge as changes', async () => {
    const origin = await build([
      { write: { a: linesOf(5) } },
      { author: 'Bob', write: { b: 'b\n' } },
      { author: 'Cy', write: { a: linesOf(6) } },
    ]);
    const clone = fresh();
    await runProcess(['git', 'clone', '--quiet', '--depth=2', `file://${origin}`, clone], { env: ISOLATED });
    const { report, markdown } = await reportOn(clone);
    expect(report.repository.isShallow).toBe(true);
    expect(report.log).toMatchObject({ commits: 2, boundaryCommits: 1 });
    expect(report.ownership.whole).toMatchObject({ changes: 1, owners: [{ author: 'Cy', share: 1 }] });
    expect(report.hygiene.files).toBe(2);
    expect(markdown).toContain('This is a shallow clone: only 2 commits of its history are here.');
  });

  it('bare, or on a detached HEAD', async () => {
    const repo = await build([{ write: { 'src/a.ts': 'TODO\n' } }, { write: { 'src/a.ts': 'TODO 2\n' } }]);
    const bare = `${fresh()}.git`;
    await runProcess(['git', 'clone', '--quiet', '--bare', repo, bare], { env: ISOLATED });
    expect((await reportOn(bare)).report).toMatchObject({
      repository: { branch: 'main' },
      history: { commits: 2 },
      hygiene: { markers: { TODO: 1 } },
    });
    await git(repo, ['checkout', '--quiet', '--detach', 'HEAD~1']);
    expect((await reportOn(repo)).report).toMatchObject({ repository: { branch: null }, history: { commits: 1 } });
  });

  it('with file names of every kind', async () => {
    const names = [
      'a b',
      'new\nline',
      'quo"te',
      "apo'strophe",
      '-rf',
      '--help',
      'tab\there',
      'ünïcødé/日本',
      'back\\slash',
      'pipe|`tick`',
      ':(top)x',
      'HEAD',
      '$HOME',
      '\u2028',
      '__proto__',
      ' ',
    ];
    const files = (text: string): Record<string, string> => Object.fromEntries(names.map((name) => [name, `${text} TODO\n`]));
    const repo = await build([
      { write: files('one') },
      { write: files('two') },
      { rename: { '-rf': 'dir/-\n"r' } },
      { write: { 'dir/-\n"r': 'three\nTODO\n' } },
    ]);
    const { report, markdown } = await reportOn(repo);
    const expected = names.map((name) => (name === '-rf' ? 'dir/-\n"r' : name)).sort();
    expect(report.hotspots.files.top.map((file) => file.path).sort()).toEqual(expected);
    expect(report.hygiene.markedFiles.top.map((file) => file.path).sort()).toEqual(expected);
    expect(report.hygiene.markers.TODO).toBe(names.length);
    expect(report.hotspots.files.top[0]).toMatchObject({ path: 'dir/-\n"r', commits: 4 });
    const rows = markdown.split('\n').filter((line) => line.startsWith('|'));
    expect(rows.filter((row) => !row.endsWith(' |'))).toEqual([]);
  });

  it('where a branch went on under the old name of a file', async () => {
    const repo = await build([
      { write: { old: linesOf(30) } },
      { on: 'side', author: 'Side', write: { aside: 'x\n' } },
      { on: 'main', rename: { old: 'new' } },
      { on: 'side', author: 'Side', write: { old: linesOf(31) } },
      { on: 'main', merge: 'side' },
    ]);
    const { report } = await reportOn(repo);
    expect(report.hotspots.files.top[0]).toMatchObject({ path: 'new', commits: 3, people: 2, churn: 31 });
  });

  it('where commits are too large to tell what belongs together', async () => {
    const many = (text: string): Record<string, string> =>
      Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`f${index}`, text]));
    const { report } = await reportOn(await build([{ write: many('1') }, { write: many('2') }, { write: many('3') }]));
    expect(report.coupling).toMatchObject({ commits: 0, hugeCommits: 3, pairs: { top: [] } });
    expect(report.hotspots.files).toMatchObject({ leftOut: 31 });
    expect(report.hotspots.files.top).toHaveLength(20);
  });
});

describe('what cannot be reported on', () => {
  const inspectFolder = (repo: string): Promise<Inspection> => callTool<Inspection>(inspect, { repo });

  it('is refused: a folder that is no repository, or no folder', async () => {
    const plain = fresh();
    await mkdir(plain);
    await expect(inspectFolder(plain)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('is not a git repository'),
    });
    await expect(inspectFolder(join(plain, 'no'))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('There is no folder'),
    });
  });

  it('is refused: a partial clone, which would need the network', async () => {
    const origin = await build([{ write: { a: 'a\n' } }]);
    await git(origin, ['config', 'uploadpack.allowFilter', 'true']);
    const clone = fresh();
    await runProcess(['git', 'clone', '--quiet', '--filter=blob:none', `file://${origin}`, clone], { env: ISOLATED });
    await expect(inspectFolder(clone)).rejects.toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining('partial clone') });
  });

  it('is refused: anything, where there is no git', async () => {
    vi.stubEnv('PATH', scratch);
    try {
      await expect(inspectFolder(scratch)).rejects.toMatchObject({
        code: 'PROCESS_NOT_FOUND',
        message: expect.stringContaining('git was not found'),
      });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('is refused: an output folder that is a file', async () => {
    const repo = await build([]);
    await expect(runRepoReport(repo, join(repo, '.git/HEAD'))).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('a long history', () => {
  const COMMITS = 2_000;
  let repo: string;
  beforeAll(async () => {
    repo = await importRepository(fresh(), syntheticHistory(COMMITS));
  });

  it('is read whole', async () => {
    const { report } = await reportOn(repo);
    const bots = Math.ceil(COMMITS / 11);
    expect(report.history).toMatchObject({ commits: COMMITS - bots, botCommits: bots, people: 5 });
    expect(report.coupling.hugeCommits).toBe(36);
    expect(report.log.largestCommit?.files).toBe(60);
  });

  it('is collected the same way twice, so that a retry does no harm', async () => {
    const inspection = await callTool<Inspection>(inspect, { repo });
    const out = fresh();
    const first = await callTool<Collection>(collect, { inspection, out });
    const spooled = await collectAll(readSpool(first.spool, AbortSignal.timeout(60_000)));
    const second = await callTool<Collection>(collect, { inspection, out });
    expect(second).toEqual(first);
    expect(await collectAll(readSpool(second.spool, AbortSignal.timeout(60_000)))).toEqual(spooled);
    expect(spooled[0]?.hash).toBe(inspection.head);
  });

  it('can be cancelled half-way, and leaves no half spool', async () => {
    const inspection = await callTool<Inspection>(inspect, { repo });
    const out = fresh();
    const abort = new AbortController();
    const collecting = callTool(collect, { inspection, out }, toolContext({ signal: abort.signal }));
    const refused = expect(collecting).rejects.toMatchObject({ code: 'CANCELLED' });
    for (let isUnderWay = false; !isUnderWay; ) {
      isUnderWay = await stat(join(out, '.work')).then(
        async () => (await readdir(join(out, '.work'))).some((name) => name.endsWith('.draft')),
        () => false,
      );
    }
    abort.abort();
    await refused;
    expect(await readdir(join(out, '.work'))).toEqual([]);
  });
});
