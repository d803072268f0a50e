/** What the pages say about answers from the command line, typed as it stands there. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Workspace } from '../cli/terminal-for-test.ts';
import { projectRoot, readProjectFile } from '../house/project.ts';

const pages = readdirSync(join(projectRoot, 'docs')).filter((name) => name.endsWith('.md'));
const all = pages.map((page) => readProjectFile(`docs/${page}`)).join('\n## \n');
const [, section = ''] = /^#+ From the command line\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(all) ?? [];
const blockOf = (language: string): string => new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(section)?.[1] ?? '';

/** The words of each command, without what is said about it. */
const commands = blockOf('sh')
  .trim()
  .split('\n')
  .map((line) => [...line.replace(/\s+#.*/, '').matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word).slice(1));

describe('answers from the command line', () => {
  it('go as their page says', async () => {
    using space = new Workspace({ 'release.yaml': blockOf('yaml') });
    const [run = [], list = [], first = [], second = []] = commands;
    const { terminal, exitCode } = space.start(...run);
    while (!terminal.err.text.includes('swarmchart approve ')) await terminal.err.heard();
    const [, id = ''] = /swarmchart approve (\S+)/.exec(terminal.err.text) ?? [];
    expect((await space.run(...list)).stdout).toMatch(new RegExp(`^${id} .* clerk, 2 people, 0 answered +Ship 2\\.0\\?$`, 'm'));
    const answer = (words: readonly string[]) => space.run(...words.map((word) => (word === 'ID' ? id : word)));
    expect((await answer(first)).stdout).toContain('counts; 2 people must give the same answer');
    const { exitCode: code, stdout } = await answer(second);
    expect([code, Object.keys(JSON.parse(stdout) as object)]).toEqual([0, keysOf('of an answer')]);
    expect(await exitCode).toBe(0);
    expect(terminal.out.text).toBe('shipped to Berlin\n');
    expect(readdirSync(join(space.folder, '.swarmchart', 'live'))).toEqual([]);
    expect(Object.keys(JSON.parse((await space.run('approve', '--json')).stdout) as object)).toEqual(keysOf('of the list'));
  });
});

const keysOf = (what: string): readonly string[] => (new RegExp(`${what} \`\\{(.*?)\\}\``).exec(section)?.[1] ?? '').split(', ');
