/** What the pages say about answers from the command line, typed as it stands there. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { STANDINGS } from '../../src/cli/journal/executions.ts';
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

const page = readProjectFile('docs/command-line.md');

/** What the page says are the keys of a command's JSON. */
const documented = (command: string): readonly string[] => {
  const row = page.split('\n').find((line) => line.startsWith(`| \`${command}\``)) ?? '';
  return (/`\{(.*?)\}`/.exec(row)?.[1] ?? '').split(', ');
};

describe('the page about runs that are kept', () => {
  it('names the keys of what each command prints with --json', async () => {
    const tool = '{ name: "fail", run: () => { throw new Error("out of paper"); } }';
    using space = new Workspace({
      'w.yaml': 'id: w\nsteps:\n  - { id: say, tool: echo, parameters: { message: hi } }\n  - { id: ask, type: wait, approval: true }\n',
      'swarmchart.config.mjs': `export default { tools: [${tool}] };\n`,
    });
    const document = async (...argv: readonly string[]): Promise<Record<string, unknown>> =>
      JSON.parse((await space.run(...argv, '--json')).stdout) as Record<string, unknown>;
    const keys = async (...argv: readonly string[]): Promise<readonly string[]> => Object.keys(await document(...argv));
    expect(await keys('run', 'w.yaml')).toEqual([...documented('run'), 'waitingFor']);
    const { executions } = (await document('list')) as { readonly executions: readonly { readonly executionId: string }[] };
    const id = executions[0]?.executionId ?? '';
    expect(await keys('list')).toEqual(documented('list'));
    expect(Object.keys(executions[0] ?? {})).toEqual((/an execution: `\{(.*?)\}`/.exec(page)?.[1] ?? '').split(', '));
    expect(await keys('show', id)).toEqual(documented('show'));
    expect(await keys('replay', id)).toEqual(documented('replay'));
    expect(await keys('replay', id, '--to', '2')).toEqual(documented('replay --to'));
    expect(await keys('resume', '--all')).toEqual(documented('resume --all'));
    expect((await keys('cancel', id)).toSorted()).toEqual(documented('cancel').toSorted());
    for (const command of ['verify', 'list', 'prune'] as const) {
      expect(await keys('journal', command, ...(command === 'prune' ? ['--keep', '0'] : [])), command).toEqual(
        documented(`journal ${command}`),
      );
    }
  });

  it('knows every status and every command', async () => {
    using space = new Workspace();
    const { stdout } = await space.run('--help');
    const commands = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name ?? '').filter((name) => name !== 'help');
    const untold = commands.filter((name) => !page.includes(`swarmchart ${name}`) && !['approve', 'validate', 'demo'].includes(name));
    expect(untold).toEqual([]);
    expect(STANDINGS.filter((standing) => !page.includes(`\`${standing}\``))).toEqual([]);
  });
});
