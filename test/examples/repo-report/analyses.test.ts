import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { busFactor } from '../../../examples/repo-report/analyses/bus-factor.ts';
import {
  folderOf,
  isCi,
  isCode,
  isGenerated,
  isLicence,
  isLockFile,
  isReadme,
  isTest,
} from '../../../examples/repo-report/analyses/file-kinds.ts';
import { licenceKind } from '../../../examples/repo-report/analyses/licences.ts';
import {
  ChangeCounter,
  COUPLING_LIMITS,
  type Coupling,
  type CouplingLimits,
  PairCounter,
} from '../../../examples/repo-report/analyses/pairs.ts';
import { releasesOf } from '../../../examples/repo-report/analyses/releases.ts';
import { bytes, inline, percent, person } from '../../../examples/repo-report/analyses/text.ts';
import { isoDate, TimelineBuilder } from '../../../examples/repo-report/analyses/timeline.ts';
import type { Commit } from '../../../examples/repo-report/git/commit.ts';
import { type LateNames, NewestNames } from '../../../examples/repo-report/git/newest-names.ts';

const commitOf = (paths: readonly string[], more: Partial<Commit> = {}): Commit => ({
  hash: 'h',
  time: 0,
  author: 'Ann',
  isBot: false,
  isMerge: false,
  files: paths.map((path) => ({ path, added: 1, deleted: 0 })),
  ...more,
});

function couple(commits: readonly Commit[], living: ReadonlySet<string>, limits: CouplingLimits): Coupling {
  const changes = new ChangeCounter(living, limits);
  for (const commit of commits) changes.add(commit);
  const pairs = new PairCounter(changes, limits);
  for (const commit of commits) pairs.add(commit);
  return pairs.coupling(1_000);
}

describe('coupling', () => {
  const everything: CouplingLimits = { ...COUPLING_LIMITS, minSupport: 1, minConfidence: 0 };

  it('counts every pair as a comparison of all commits with all pairs does', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const history = fc.array(fc.uniqueArray(fc.constantFrom(...names), { maxLength: 6 }), { maxLength: 30 });
    fc.assert(
      fc.property(history, fc.subarray(names), (changes, living) => {
        const expected: [string, number, number][] = [];
        for (const file of living) {
          for (const partner of living.filter((other) => other > file)) {
            const support = changes.filter((paths) => paths.includes(file) && paths.includes(partner)).length;
            const fewest = Math.min(...[file, partner].map((one) => changes.filter((paths) => paths.includes(one)).length));
            if (support > 0) expected.push([`${file}${partner}`, support, Math.round((support / fewest) * 10_000) / 10_000]);
          }
        }
        const { pairs } = couple(
          changes.map((paths) => commitOf(paths)),
          new Set(living),
          everything,
        );
        const found = pairs.top.map((pair) => [[pair.file, pair.partner].sort().join(''), pair.support, pair.confidence]);
        expect(found.sort()).toEqual(expected.sort());
      }),
    );
  });

  it('leaves out huge commits, bots, merges, and files that change too rarely to be compared', () => {
    const commits = [
      commitOf(['a', 'b']),
      commitOf(['a', 'b', 'c', 'd']),
      commitOf(['a', 'b'], { isBot: true }),
      commitOf(['a', 'b'], { isMerge: true }),
      commitOf(['c']),
    ];
    const coupling = couple(commits, new Set('abcd'), { ...everything, maxCommitFiles: 3, maxFiles: 2 });
    expect(coupling).toMatchObject({ commits: 2, hugeCommits: 1, files: 2, filesLeftOut: 1 });
    expect(coupling.pairs.top).toEqual([{ file: 'a', partner: 'b', support: 1, confidence: 1, reverse: 1 }]);
  });
});

describe('the bus factor', () => {
  it.each([
    [[], 0],
    [[1], 1],
    [[1, 1], 1],
    [[1, 1, 1], 2],
    [[10, 1, 1], 1],
    [[3, 3, 2, 2], 2],
    [[1, 1, 1, 1, 1], 3],
  ])('of %j is %i', (counts, expected) => {
    expect(busFactor(counts)).toBe(expected);
  });

  it('is the fewest people whose changes make up half: one fewer never do', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 }), (counts) => {
        const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
        const sorted = [...counts].sort((a, b) => b - a);
        const people = busFactor(counts);
        expect(sum(sorted.slice(0, people)) * 2).toBeGreaterThanOrEqual(sum(counts));
        expect(sum(sorted.slice(0, people - 1)) * 2).toBeLessThan(sum(counts));
      }),
    );
  });
});

describe('names over time', () => {
  const rename = (from: string, path: string): Commit => commitOf([], { files: [{ path, from, added: 0, deleted: 0 }] });
  const walk = (living: readonly string[], newestFirst: readonly Commit[]): [string[], LateNames] => {
    const names = new NewestNames(new Set(living));
    return [
      newestFirst.map((commit) =>
        names
          .apply(commit)
          .files.map((file) => file.path)
          .join(),
      ),
      names.lateNames(),
    ];
  };

  it('follows a chain of renames', () => {
    expect(walk(['c'], [commitOf(['c']), rename('b', 'c'), commitOf(['b']), rename('a', 'b'), commitOf(['a'])])).toEqual([
      ['c', 'c', 'c', 'c', 'c'],
      [],
    ]);
  });

  it('tells a file from another that took its old name later', () => {
    expect(walk(['a', 'b'], [commitOf(['a']), rename('a', 'b'), commitOf(['a'])])).toEqual([['a', 'b', 'b'], []]);
  });

  it('takes two renames of one commit at once', () => {
    const shift = commitOf([], {
      files: [
        { path: 'b', from: 'a', added: 0, deleted: 0 },
        { path: 'c', from: 'b', added: 0, deleted: 0 },
      ],
    });
    expect(walk(['b', 'c'], [shift, commitOf(['a', 'b'])])).toEqual([['b,c', 'b,c'], []]);
  });

  it('learns afterwards of the old names that a branch went on using', () => {
    expect(walk(['new'], [commitOf(['old']), rename('old', 'new')])).toEqual([['old', 'new'], [['old', 'new']]]);
  });

  it('survives names that run in a circle', () => {
    expect(() => walk([], [commitOf(['a', 'b']), rename('a', 'b'), rename('b', 'a')])).not.toThrow();
  });
});

describe('the timeline', () => {
  it('counts in UTC, merges and bots apart', () => {
    const builder = new TimelineBuilder();
    const at = (date: string): number => Date.parse(date) / 1000;
    builder.add(commitOf([], { time: at('2023-12-31T23:30:00-02:00') }));
    builder.add(commitOf([], { time: at('2024-01-20T00:00:00Z'), author: 'Bob' }));
    builder.add(commitOf([], { time: at('2024-02-20T00:00:00Z'), isMerge: true }));
    builder.add(commitOf([], { time: at('2024-02-21T00:00:00Z'), isBot: true, author: 'renovate' }));
    expect(builder.timeline(1)).toEqual({
      commits: 2,
      merges: 1,
      botCommits: 1,
      people: 2,
      bots: ['renovate'],
      first: '2024-01-01',
      last: '2024-02-21',
      activeMonths: 2,
      years: [{ period: '2024', commits: 2, people: 2, merges: 1, botCommits: 1 }],
      months: [
        { period: '2024-01', commits: 2, people: 2, merges: 0, botCommits: 0 },
        { period: '2024-02', commits: 0, people: 0, merges: 1, botCommits: 1 },
      ],
      monthsLeftOut: 0,
      authors: { top: [{ author: 'Ann', commits: 1, share: 0.5 }], leftOut: 1 },
    });
  });

  it('prints dates before the epoch and before our era', () => {
    expect(isoDate(-1)).toBe('1969-12-31');
    expect(isoDate(-99_999_999_999)).toMatch(/^-\d{6}-\d\d-\d\d$/);
  });
});

describe('releases', () => {
  const tag = (name: string, day: number): { name: string; time: number } => ({ name, time: day * 86_400 });

  it('are the tags that look like versions, newest first, ties by name', () => {
    const tags = [
      tag('v1.0.0', 0),
      tag('pkg@1.1.0', 10),
      tag('nightly', 11),
      tag('v2.0.0-rc.1', 12),
      tag('release-2', 13),
      tag('v2.0.0', 12),
    ];
    expect(releasesOf(tags, 3)).toEqual({
      count: 4,
      latest: {
        top: [
          { tag: 'v2.0.0', date: '1970-01-13' },
          { tag: 'v2.0.0-rc.1', date: '1970-01-13' },
          { tag: 'pkg@1.1.0', date: '1970-01-11' },
        ],
        leftOut: 1,
      },
      medianDaysBetween: 2,
      otherTags: 2,
    });
  });

  it('have no pace before the second one', () => {
    expect(releasesOf([tag('1.0', 0)], 3).medianDaysBetween).toBeNull();
  });
});

describe('kinds of files', () => {
  it.each([
    [isLockFile, ['package-lock.json', 'a/Cargo.lock', 'go.sum'], ['lock.ts', 'package.json']],
    [isGenerated, ['dist/a.js', 'a/vendor/b.go', 'x.min.js', 'api.pb.go', 'a_pb2.py'], ['src/distance.ts', 'builder/a.ts']],
    [isTest, ['test/a.ts', 'src/a.test.ts', 'test_a.py', 'a_test.go', 'FooTest.java'], ['src/contest.ts', 'src/latest.ts']],
    [isCode, ['a.ts', 'b/c.py', 'x.rs'], ['README.md', 'a.json', 'dist/a.js']],
    [isLicence, ['LICENSE', 'licence.md', 'COPYING', 'LICENSE-MIT', 'LICENSES/MIT.txt'], ['src/LICENSE', 'licenser.ts']],
    [isReadme, ['README.md', 'readme'], ['docs/README.md', 'readme-old/x']],
    [isCi, ['.github/workflows/ci.yml', '.gitlab-ci.yml', 'Jenkinsfile'], ['.github/CODEOWNERS', 'ci.yml']],
  ])('%o tells its own from others', (kind, own, others) => {
    expect(own.filter((path) => !kind(path))).toEqual([]);
    expect(others.filter(kind)).toEqual([]);
  });

  it('cuts folders to a depth', () => {
    expect(['a', 'a/b', 'a/b/c', 'a/b/c/d'].map((path) => folderOf(path, 2))).toEqual(['.', 'a', 'a/b', 'a/b']);
  });

  it('knows licences by their phrases', () => {
    expect(licenceKind('MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy')).toBe('MIT');
    expect(licenceKind('                 Apache License\n           Version 2.0, January 2004')).toBe('Apache-2.0');
    expect(licenceKind('(The MIT License)\n\nPermission is hereby granted, free of charge, to any person obtaining\na copy')).toBe('MIT');
    expect(licenceKind('All rights reserved.')).toBe('unknown');
  });
});

describe('words for Markdown', () => {
  it('keeps any file name within its table cell', () => {
    expect(inline('a|b')).toBe('`a\\|b`');
    expect(inline('a\nb')).toBe('`a\\nb`');
    expect(inline('a`b')).toBe('``a`b``');
    expect(inline('`')).toBe('`` ` ``');
  });

  it('takes the markup out of a name', () => {
    expect(person('<b>*Eve*</b> [x](y)|')).toBe('\\<b\\>\\*Eve\\*\\</b\\> \\[x\\](y)\\|');
  });

  it('tells a small share from none', () => {
    expect([0, 0.001, 0.005, 0.5, 1].map(percent)).toEqual(['0 %', '< 1 %', '1 %', '50 %', '100 %']);
  });

  it('writes sizes with their unit', () => {
    expect([0, 1023, 1024, 5_000_000].map(bytes)).toEqual(['0 B', '1023 B', '1.0 KiB', '4.8 MiB']);
  });
});
