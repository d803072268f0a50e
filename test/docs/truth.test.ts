/** What the pages in docs/ name exists: files, error codes, facts. */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { wrapTierError } from '../../src/actors/failure.ts';
import { ERROR_CLASSES } from '../../src/index.ts';
import { projectRoot, readProjectFile } from '../house/project.ts';

const pages = readdirSync(join(projectRoot, 'docs')).filter((name) => name.endsWith('.md'));
const all = pages.map((page) => readProjectFile(`docs/${page}`)).join('\n');
const namesIn = (text: string, pattern: RegExp): readonly string[] => [...text.matchAll(pattern)].map(([, name]) => name ?? '');

/** What each of these may be said to be in the facts of a family, by the protocol's own words. */
function factsIn(file: string, family: string): readonly string[] {
  const found = namesIn(readProjectFile(`src/machines/protocol/${file}.ts`), new RegExp(`FactBody<\\s*'${family}/([\\w/]+)'`, 'g'));
  return [...found].sort();
}

/** The names in the row of a page's table that begins with the family. */
function rowOf(family: string): readonly string[] {
  const row = all.split('\n').find((line) => line.startsWith(`| \`${family}/…\``)) ?? '';
  return [...namesIn(row.slice(row.indexOf('|', 2)), /`([\w/]+)`/g)].sort();
}

describe('the pages in docs/', () => {
  it.each(pages)('%s links to files that exist', (page) => {
    const links = namesIn(readProjectFile(`docs/${page}`), /\]\((?!https?:)([^)#]+)\)/g);
    expect(links.filter((path) => !existsSync(join(projectRoot, 'docs', path)))).toEqual([]);
  });

  it('name only error codes that there are', () => {
    const codes = new Set(namesIn(all, /`([A-Z]+(?:_[A-Z]+)+)`/g));
    expect([...codes].filter((code) => !Object.hasOwn(ERROR_CLASSES, code))).toEqual([]);
  });

  it('name every error code that has to do with what they are about', () => {
    const elsewhere = ['PROCESS_FAILED', 'PROCESS_NOT_FOUND'];
    const codes = Object.keys(ERROR_CLASSES).filter((code) => !elsewhere.includes(code));
    expect(codes.filter((code) => !all.includes(code))).toEqual([]);
  });

  it.each(['transient', 'timeout', 'resource', 'dependency', 'permanent', 'validation'])(
    'say what is %s, and whether that is retried',
    (errorClass) => {
      const row = all.split('\n').find((line) => line.startsWith(`| ${errorClass} |`)) ?? '';
      const [, , retried = '', status = '', code = '', name = ''] = row.split('|').map((cell) => cell.trim());
      const shown = [
        ...namesIn(status, /(\d{3})/g).map((each) => ({ status: Number(each) })),
        ...namesIn(code, /\b([A-Z]+[A-Z_]{3,})/g).map((each) => ({ code: each })),
        ...namesIn(name, /`(\w+Error)`/g).map((each) => ({ name: each })),
      ];
      expect(shown.length).toBeGreaterThan(1);
      for (const each of shown)
        expect(wrapTierError(each, 'tier3'), JSON.stringify(each)).toMatchObject({ errorClass, retryable: retried === 'yes' });
    },
  );

  it.each([
    ['swarm', 'tier1/swarm'],
    ['swarm', 'tier1/lease'],
    ['swarm', 'tier1/task'],
    ['agent', 'agent'],
    ['breaker', 'breaker'],
    ['recovery', 'execution'],
    ['route', 'route'],
    ['route', 'trigger'],
  ])('name every fact of the %s protocol under %s', (file, family) => {
    expect(rowOf(family)).toEqual(factsIn(file, family));
  });
});
