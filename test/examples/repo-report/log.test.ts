import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBot } from '../../../examples/repo-report/git/bots.ts';
import type { Commit, FileChange } from '../../../examples/repo-report/git/commit.ts';
import { parseLog } from '../../../examples/repo-report/git/log.ts';
import { collectAll } from '../../support/collect-all.ts';

async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
const parse = (records: readonly string[]): Promise<Commit[]> => collectAll(parseLog(each(records)));

/** What git writes for a commit, split at NUL. */
function recordsOf(commit: Commit): string[] {
  const parents = commit.isMerge ? 'p1 p2' : 'p1';
  const email = commit.isBot ? '1+x[bot]@users.noreply.github.com' : 'x@example.com';
  const files = commit.files.flatMap(({ path, from, added, deleted }) => {
    const counts = `${added ?? '-'}\t${deleted ?? '-'}\t`;
    return from === undefined ? [counts + path] : [counts, from, path];
  });
  if (files[0] !== undefined) files[0] = `\n${files[0]}`;
  return [`\x01${[commit.hash, parents, commit.time, commit.time, email, commit.author].join('\n')}`, ...files];
}

const path = fc
  .oneof(fc.string({ minLength: 1, unit: 'binary' }), fc.constantFrom('-', '1\t2\ta', '\x01', '\n', 'a\nb'))
  .filter((text) => !text.includes('\0'));
const counted = fc.record({ added: fc.nat(), deleted: fc.nat() });
const change: fc.Arbitrary<FileChange> = fc
  .tuple(path, fc.option(path, { nil: undefined }), fc.oneof(counted, fc.constant({ added: null, deleted: null })))
  .map(([name, from, counts]) => ({ path: name, ...(from !== undefined && { from }), ...counts }));
const commit: fc.Arbitrary<Commit> = fc.record({
  hash: fc.stringMatching(/^[0-9a-f]{40}$/),
  time: fc.integer({ min: 1, max: 2 ** 32 }),
  author: fc.stringMatching(/^[A-Za-zé|"]+$/).filter((name) => !isBot(name, '')),
  isBot: fc.boolean(),
  isMerge: fc.boolean(),
  files: fc.array(change, { maxLength: 5 }),
});

describe('the log parser', () => {
  it('reads back every history, whatever the names of files', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(commit, { maxLength: 6 }), async (commits) => {
        expect(await parse(commits.flatMap(recordsOf))).toEqual(commits);
      }),
    );
  });

  it('falls back to the commit time, then to the epoch, where a date is missing or absurd', async () => {
    const header = (author: string, committer: string): string => `\x01h\np\n${author}\n${committer}\ne\nn`;
    const commits = await parse([header('', '5'), header('99999999999999999', '6'), header('', '')]);
    expect(commits.map((one) => one.time)).toEqual([5, 6, 0]);
  });

  it('names the author by the address where there is no name', async () => {
    expect((await parse(['\x01h\np\n1\n1\nsomebody@example.com\n ']))[0]?.author).toBe('somebody@example.com');
  });

  it.each([['1\t2\tpath before any commit'], ['\x01h\np\n1\n1\ne\nn', 'nonsense'], ['\x01h\np\n1\n1\ne\nn', '1\t1\t', 'old']])(
    'refuses what git does not write: %j',
    async (...records) => {
      await expect(parse(records)).rejects.toMatchObject({ code: 'PROCESS_FAILED' });
    },
  );
});

describe('bots', () => {
  it.each([
    ['dependabot[bot]', '49699333+dependabot[bot]@users.noreply.github.com'],
    ['dependabot-preview', 'support@dependabot.com'],
    ['Renovate Bot', 'bot@renovateapp.com'],
    ['renovate', 'x@y'],
    ['github-actions', 'actions@github.com'],
    ['CI', '41898282+github-actions[bot]@users.noreply.github.com'],
    ['release-bot', 'r@example.com'],
  ])('knows %s <%s>', (name, email) => {
    expect(isBot(name, email)).toBe(true);
  });

  it.each([
    ['Abbot', 'abbot@example.com'],
    ['Ann Talbot', 'ann@robot.example'],
    ['Botond', 'botond@example.com'],
    ['', ''],
  ])('takes %s <%s> for a person', (name, email) => {
    expect(isBot(name, email)).toBe(false);
  });
});
