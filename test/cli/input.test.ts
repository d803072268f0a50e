import { describe, expect, it } from 'vitest';
import { Workspace } from './terminal-for-test.ts';

const TYPES = `id: types
input:
  text: { type: string, default: "-" }
  number: { type: number, default: 0 }
  flag: { type: boolean, default: false }
  object: { type: object, default: {} }
  list: { type: array, default: [] }
  maybe: { type: number, required: false }
steps:
  - id: only
    tool: describe
    parameters: { text: "{{text}}", number: "{{number}}", flag: "{{flag}}", object: "{{object}}", list: "{{list}}", maybe: "{{maybe}}" }
`;
const CONFIG = 'export default { tools: [{ name: "describe", run: (input) => input }] };';

async function given(...inputs: readonly string[]): Promise<{ exitCode: number; result: unknown; stderr: string }> {
  using folder = new Workspace({
    'types.yaml': TYPES,
    'swarmchart.config.mjs': CONFIG,
    'in.json': '\uFEFF{"number": 5, "list": [1], "text": "from the file"}',
    'list.json': '[1]',
  });
  const { exitCode, stdout, stderr } = await folder.run('run', 'types.yaml', '--json', ...inputs.flatMap((text) => ['--input', text]));
  const { result } = JSON.parse(stdout) as { readonly result: unknown };
  return { exitCode, result, stderr };
}

describe('--input', () => {
  it('reads each value by the type that the workflow declares', async () => {
    const { result } = await given('text=12', 'number=-1.5e3', 'flag=true', 'object={"a":[1]}', 'list=[1,"b"]', 'maybe=null');
    expect(result).toEqual({ text: '12', number: -1500, flag: true, object: { a: [1] }, list: [1, 'b'], maybe: null });
  });

  it('keeps everything after the first equals sign, also nothing', async () => {
    expect((await given('text=a=b=c')).result).toMatchObject({ text: 'a=b=c' });
    expect((await given('text=')).result).toMatchObject({ text: '' });
  });

  it('reads an object from a file, and lets later ones win', async () => {
    expect((await given('@in.json', 'number=6')).result).toMatchObject({ number: 6, list: [1], text: 'from the file' });
    expect((await given('number=6', '@in.json')).result).toMatchObject({ number: 5 });
  });

  it('reports every value that does not fit, and what the workflow takes', async () => {
    const { exitCode, stderr } = await given('number=many', 'flag=yes', 'list={}', 'txt=x');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('The input "number" is no number but string.');
    expect(stderr).toContain('The input "flag" is no boolean but string.');
    expect(stderr).toContain('The input "list" is no array but string.');
    expect(stderr).toContain('The workflow takes no input "txt". Did you mean "text"?');
    expect(stderr).toContain('next: this workflow takes text (string, else "-"), number (number, else 0)');
  });

  it.each([
    ['name without a value', 'text', '--input text: give name=value, or @file.json'],
    ['value without a name', '=1', '--input =1: give name=value'],
    ['missing file', '@nowhere.json', 'ENOENT'],
    ['file without an object', '@list.json', 'the file holds no JSON object'],
    ['file that is no JSON', '@types.yaml', 'the file holds no JSON object'],
  ])('refuses a %s', async (_, input, message) => {
    const { exitCode, stderr } = await given(input);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });

  it('refuses names that reach a prototype', async () => {
    expect((await given('__proto__=1')).exitCode).toBe(2);
  });

  it('passes texts to a workflow that declares nothing', async () => {
    using folder = new Workspace({ 'w.yaml': 'id: w\nsteps: [{ id: only, tool: echo, parameters: { message: "{{n}}" } }]\n' });
    expect(await folder.run('run', 'w.yaml', '--input', 'n=12')).toMatchObject({ exitCode: 0, stdout: '12\n' });
  });
});
