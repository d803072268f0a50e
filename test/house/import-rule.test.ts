/** The import rule and the rules of lint/ refuse what they are there to refuse: each is shown a file that breaks it. */

import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { projectRoot } from './project.ts';

interface Finding {
  readonly category: string;
  readonly message: string;
  readonly location: { readonly start: { readonly line: number } };
}

/** A project with this one's lint configuration, to put bad files into. */
const project = mkdtempSync(join(tmpdir(), 'swarmchart-lint-'));
for (const path of ['biome.json', 'lint', 'package.json', '.gitignore'])
  cpSync(join(projectRoot, path), join(project, path), { recursive: true });
afterAll(() => rmSync(project, { recursive: true, force: true }));

function lint(path: string, source: string): readonly Finding[] {
  const file = join(project, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, source);
  try {
    const script = join(projectRoot, 'node_modules/@biomejs/biome/bin/biome');
    const args = [script, 'lint', '--reporter=json', '--max-diagnostics=none', path];
    return findings(execFileSync(process.execPath, args, { cwd: project, encoding: 'utf8', stdio: 'pipe' }));
  } catch (error) {
    return findings((error as { readonly stdout: string }).stdout);
  } finally {
    rmSync(file);
  }
}

function findings(output: string): readonly Finding[] {
  const { diagnostics } = JSON.parse(output) as { readonly diagnostics: readonly Finding[] };
  return diagnostics;
}

const isImportFinding = ({ category }: Finding): boolean => category === 'lint/style/noRestrictedImports';

/** Those of the specifiers that a file at this path must not import. */
function refused(path: string, ...specifiers: readonly string[]): readonly string[] {
  const found = lint(path, specifiers.map((specifier) => `export * from '${specifier}';\n`).join('')).filter(isImportFinding);
  const lines = new Set(found.map(({ location }) => location.start.line));
  return specifiers.filter((_, index) => lines.has(index + 1));
}

describe('the import rule', () => {
  const rows = [
    [
      'src/machines/protocol/x.ts',
      ['zod', './ids.ts'],
      ['xstate', 'immutable', 'node:fs', '../turn.ts', '../../actors/tool.ts', './../turn.ts'],
    ],
    ['src/machines/x.ts', ['xstate', 'zod', 'immutable', './turn.ts', './protocol/ids.ts'], ['node:fs', 'node:fs/promises', 'fs', 'pino']],
    [
      'src/machines/x.machine.ts',
      ['./x.ts'],
      ['../actors/a.ts', '../runtime/r.ts', '../tools/t.ts', '../cli/main.ts', '../testing/t.ts', '../index.ts'],
    ],
    [
      'src/actors/x.ts',
      ['../machines/x.ts', './y.ts', 'node:fs', 'zod'],
      ['../runtime/r.ts', '../cli/main.ts', '../testing/t.ts', '../create-runtime.ts'],
    ],
    ['src/actors/deep/x.ts', ['../../machines/x.ts'], ['../../runtime/a/b.ts', '../../tools/t.ts', '../../index.ts', 'swarmchart']],
    [
      'src/tools/x.ts',
      ['node:fs', '../machines/protocol/ids.ts', '../actors/tool.ts'],
      ['../machines/x.ts', '../actors/a.ts', '../runtime/r.ts', '../cli/main.ts'],
    ],
    [
      'src/runtime/x.ts',
      ['../actors/a.ts', '../machines/x.ts', 'yaml'],
      ['../create-runtime.ts', '../cli/main.ts', '../testing/t.ts', '../index.ts'],
    ],
    ['src/create-runtime.ts', ['./runtime/r.ts', './tools/t.ts'], ['./cli/main.ts', './testing/t.ts', './index.ts', 'swarmchart']],
    ['src/index.ts', ['./create-runtime.ts', './actors/tool.ts'], ['./cli/main.ts']],
    ['src/testing/x.ts', ['../create-runtime.ts', '../machines/x.ts'], ['../cli/main.ts']],
    ['src/cli/x.ts', ['../create-runtime.ts', '../index.ts', 'commander'], ['swarmchart']],
    ['examples/x.ts', ['swarmchart', 'swarmchart/machines'], ['../src/index.ts']],
  ] as const;

  it.each(rows)('%s may import %j and not %j', (path, allowed, forbidden) => {
    expect(refused(path, ...allowed)).toEqual([]);
    expect(refused(path, ...forbidden)).toEqual(forbidden);
  });

  it.each([
    "import type { A } from '../actors/a.ts';\nexport type B = A;\n",
    "import { a } from '../actors/a.ts';\nexport const b = a;\n",
    "export const b = await import('../actors/a.ts');\n",
    "import '../actors/a.ts';\n",
  ])('sees %j', (source) => {
    expect(lint('src/machines/x.ts', source).filter(isImportFinding)).toHaveLength(1);
  });

  it('keeps development dependencies out of the package', () => {
    const source = "import { it } from 'vitest';\nexport const x = it;\n";
    const categories = (path: string): readonly string[] => lint(path, source).map(({ category }) => category);
    expect(categories('src/testing/x.ts')).toContain('lint/correctness/noUndeclaredDependencies');
    expect(categories('test/x.ts')).toEqual([]);
  });

  it('refuses a cycle', () => {
    writeFileSync(join(project, 'src/runtime/other.ts'), "export { x as y } from './x.ts';\n");
    const categories = lint('src/runtime/x.ts', "import { y } from './other.ts';\nexport const x = () => y;\n").map(
      ({ category }) => category,
    );
    expect(categories).toContain('lint/suspicious/noImportCycles');
  });

  it('finds no index.ts below src', () => {
    expect(globSync('src/*/**/index.ts', { cwd: projectRoot })).toEqual([]);
  });
});

describe('charts', () => {
  const chart = (config: string): string =>
    `import { setup } from 'xstate';\nexport const x = setup({ guards: { ok: () => true }, actions: { act: () => {} } }).createMachine(${config});\n`;
  const named = ({ message }: Finding): boolean => /^Name (it|the delay) in setup\(\)/.test(message);

  it.each([
    '{ on: { go: { guard: () => true } } }',
    '{ on: { go: { guard() { return true; } } } }',
    '{ on: { go: [{ guard: "ok", actions: function () {} }] } }',
    '{ on: { go: { actions: ["act", ({ context }) => console.log(context)] } } }',
    '{ states: { a: { entry: () => {}, states: { b: {} } } } }',
    '{ exit: assign({ count: 1 }) }',
    '{ invoke: { src: "x", onDone: { actions: assign({ count: 1 }) } } }',
    '{ after: { 1000: "a" } }',
  ])('refuse %s', (config) => {
    expect(lint('src/machines/x.machine.ts', chart(config)).filter(named)).not.toEqual([]);
  });

  it.each([
    '{ context: ({ input }) => input, output: ({ context }) => context, on: { go: { guard: "ok", actions: ["act"] } } }',
    '{ invoke: { src: "x", input: ({ context }) => context }, after: { later: "a" }, on: { go: { guard: not("ok") } } }',
    '{ on: { go: { guard: { type: "ok", params: ({ event }) => event }, actions: [{ type: "act", params: () => 1 }] } } }',
  ])('allow %s', (config) => {
    expect(lint('src/machines/x.machine.ts', chart(config)).filter(named)).toEqual([]);
  });
});

describe('time, randomness and timers', () => {
  const injected = ({ message }: Finding): boolean => message.startsWith('Time, randomness and timers are injected');
  const uses = [
    'Date.now()',
    'new Date()',
    'new Date(0)',
    'Math.random()',
    'setTimeout(f, 1)',
    'globalThis.setInterval(f, 1)',
    '[f].map(setTimeout)',
    '[1].map(Date.now)',
  ];
  const source = uses.map((use, index) => `export const f${index} = () => ${use};\n`).join('');
  const refusedLines = (path: string): readonly number[] =>
    lint(path, source)
      .filter(injected)
      .map(({ location }) => location.start.line);

  it.each(['src/machines/x.ts', 'src/machines/protocol/x.ts', 'src/actors/x.ts', 'src/actors/deep/x.ts'])('are refused in %s', (path) => {
    expect(refusedLines(path).toSorted((a, b) => a - b)).toEqual(uses.map((_, index) => index + 1));
  });

  it('come from an injected clock', () => {
    const given =
      'export interface Clock {\n  setTimeout(f: () => void): void;\n}\nexport const f = (clock: Clock) => clock.setTimeout(f0);\n';
    expect(lint('src/actors/x.ts', given).filter(injected)).toEqual([]);
  });

  it('are allowed in the runtime, which injects them', () => {
    expect(refusedLines('src/runtime/x.ts')).toEqual([]);
  });
});
