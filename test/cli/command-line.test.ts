import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Workspace } from './terminal-for-test.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string };

describe('the command line', () => {
  it.each([
    ['an unknown option', ['run', 'w.yaml', '--fast'], "unknown option '--fast'"],
    ['an unknown command', ['walk'], "unknown command 'walk'"],
    ['a missing file name', ['run'], "missing required argument 'file'"],
    ['two file names', ['run', 'a.yaml', 'b.yaml'], 'too many arguments'],
    ['an option without its value', ['run', 'w.yaml', '--input'], 'argument missing'],
    ['a timeout that is no number', ['run', 'w.yaml', '--timeout', '5s'], 'whole number of milliseconds'],
    ['a timeout of nothing', ['run', 'w.yaml', '--timeout', '0'], 'whole number of milliseconds'],
    ['two formats', ['run', 'w.yaml', '--json', '--jsonl'], 'cannot be used with'],
    ['no command', [], 'Usage: swarmchart'],
  ])('refuses %s with exit code 2 and nothing on stdout', async (_, argv, message) => {
    using folder = new Workspace();
    const { exitCode, stdout, stderr } = await folder.run(...argv);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('prints its version and its help on stdout', async () => {
    using folder = new Workspace();
    expect(await folder.run('--version')).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
    const help = await folder.run('--help');
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    expect(help.stdout).toContain('Exit codes:');
    expect((await folder.run('run', '--help')).stdout).toContain('--input <name=value>');
  });
});
