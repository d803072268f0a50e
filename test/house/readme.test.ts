/** What the README shows is what the repository holds. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { projectRoot, readProjectFile } from './project.ts';

const readme = readProjectFile('README.md');

describe('README', () => {
  it('shows examples/embed.ts word for word, and no other TypeScript', () => {
    const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
    expect(blocks).toEqual([readProjectFile('examples/embed.ts')]);
  });

  it('shows parts of the swarm that npm start runs, word for word', () => {
    const [block = ''] = [...readme.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text ?? '');
    const file = readProjectFile('examples/repo-report/repo-report.yaml');
    expect(block).not.toBe('');
    expect(block.split('# …\n').filter((part) => !file.includes(part))).toEqual([]);
  });

  it('shows a program that runs', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    await import('../../examples/embed.ts');
    const lines = log.mock.calls;
    log.mockRestore();
    expect(lines[0]).toEqual(['tier2/routine/started']);
    expect(lines.at(-1)).toEqual(['completed', { words: 3 }, expect.objectContaining({ stepsExecuted: 2 })]);
  });

  it('begins with one sentence, one picture and two commands', () => {
    const [title, sentence, picture, , commands] = readme.split('\n\n');
    expect(title).toBe('# Swarmchart');
    expect(sentence?.match(/\.(\s|$)/g)).toHaveLength(1);
    expect(picture).toMatch(/^!\[.+\]\(docs\/swarmchart\.svg\)$/);
    expect(commands?.match(/^npm .+$/gm)?.map((line) => line.split(/\s+#/)[0])).toEqual(['npm ci && npm start', 'npm cit']);
  });

  it.each(['README.md', 'CONTRIBUTING.md'])('%s links to files that exist', (page) => {
    const links = [...readProjectFile(page).matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => path ?? '');
    expect(links.filter((path) => !existsSync(join(projectRoot, path)))).toEqual([]);
  });
});
