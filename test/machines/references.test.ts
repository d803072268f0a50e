import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { executionError } from '../../src/machines/protocol/errors.ts';
import type { Json } from '../../src/machines/protocol/execution.ts';
import { listReferences, parsePath, parseTemplate, type ReferenceScope, resolveReferences } from '../../src/machines/references.ts';

const input: Readonly<Record<string, Json>> = {
  name: 'Ada',
  user: { tags: ['x', 'y'], 'first name': 'Ada' },
  sly: '{{name}} ${a.result}',
  nothing: null,
};
const steps: Readonly<Record<string, ReturnType<ReferenceScope['step']>>> = {
  a: { found: true, status: 'completed', result: { list: [{ n: 1 }], text: 'hi' }, error: null },
  'b-2': { found: true, status: 'failed', error: executionError('STEP_TIMEOUT', 'too slow', 'tier3') },
  gone: { found: true, status: 'skipped', result: null, error: null },
};
const scope: ReferenceScope = {
  input: (name) => (Object.hasOwn(input, name) ? { found: true, value: input[name] ?? null } : { found: false }),
  step: (id) => (Object.hasOwn(steps, id) ? (steps[id] ?? { found: false }) : { found: false }),
};
const resolved = (value: Json): Json => {
  const resolution = resolveReferences(value, scope);
  if (!resolution.ok) throw new Error(resolution.error.message);
  return resolution.value;
};

describe('a reference that stands alone', () => {
  it.each<[string, Json]>([
    ['{{name}}', 'Ada'],
    ['{{ user.tags[1] }}', 'y'],
    ['{{user["first name"]}}', 'Ada'],
    ['{{user.tags.0}}', 'x'],
    ['{{nothing}}', null],
    ['${a.result}', { list: [{ n: 1 }], text: 'hi' }],
    ['${a.result.list[0].n}', 1],
    ['${a.status}', 'completed'],
    ['${a.error}', null],
    ['${b-2.error.message}', 'too slow'],
    ['${b-2.result}', null],
  ])('%s keeps the type of what it finds', (text, value) => {
    expect(resolved(text)).toEqual(value);
  });

  it('finds null below a skipped result and below an error that did not happen', () => {
    expect(resolved(['${gone.result.deep[3].field}', '${a.error.message}'])).toEqual([null, null]);
  });

  it('within a longer text becomes text, objects as JSON', () => {
    expect(resolved('{{name}}: ${a.result.list} and {{nothing}}')).toBe('Ada: [{"n":1}] and null');
  });

  it('is looked for at every depth, but not in keys', () => {
    expect(resolved({ '{{name}}': [{ deep: '{{name}}' }], n: 1 })).toEqual({ '{{name}}': [{ deep: 'Ada' }], n: 1 });
  });
});

it('never expands what a reference yields', () => {
  expect(resolved('{{sly}}')).toBe('{{name}} ${a.result}');
  expect(resolved('> {{sly}}')).toBe('> {{name}} ${a.result}');
});

describe('a reference that leads nowhere', () => {
  it.each([
    ['{{nobody}}', 'Cannot resolve {{nobody}}: the input has no "nobody".'],
    ['${nobody.result}', 'Cannot resolve ${nobody.result}: there is no step "nobody".'],
    ['x ${a.result.list[7]}', 'Cannot resolve ${a.result.list[7]}: nothing at "7".'],
    ['${a.result.constructor}', 'Cannot resolve ${a.result.constructor}: nothing at "constructor".'],
    ['${a.result.__proto__}', 'Cannot resolve ${a.result.__proto__}: nothing at "__proto__".'],
    ['{{name.length}}', 'Cannot resolve {{name.length}}: nothing at "length".'],
    ['{{__proto__}}', 'Cannot resolve {{__proto__}}: the input has no "__proto__".'],
    ['${a}', '${a} is not a reference: a step is read as ${a.result}, .error or .status; the input is read as {{a}}.'],
    ['{{}}', '{{}} is not a reference: a reference is a path such as name.field[0].'],
    ['{{a b}}', '{{a b}} is not a reference: a reference is a path such as name.field[0].'],
    ['${a.result', '${a.result is not a reference: "}" is missing.'],
  ])('%s is named in the error', (text, message) => {
    expect(resolveReferences({ text }, scope)).toEqual({ ok: false, error: { code: 'UNRESOLVED_REFERENCE', message } });
  });
});

it('leaves single braces and lone dollars alone', () => {
  const text = 'if (x) { y = "$5"; } // { } $';
  expect(resolved(text)).toBe(text);
  expect(parseTemplate(text)).toEqual([text]);
});

it('lists references with their places, malformed ones too', () => {
  const found = listReferences({ a: '{{x}} ${s.result}', b: [{ c: '${broken' }] });
  expect(found.map(({ part, path }) => [part.text, path])).toEqual([
    ['{{x}}', ['a']],
    ['${s.result}', ['a']],
    ['${broken', ['b', 0, 'c']],
  ]);
});

it.each(['.a', 'a.', 'a..b', 'a[', 'a[x]', 'a[-1]', 'a b', '', '[0', 'a"b"'])('does not take %j for a path', (text) => {
  expect(parsePath(text)).toBeUndefined();
});

it('answers for any JSON, without throwing', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.string(), (value, text) => {
      const resolution = resolveReferences([value as Json, text, `{{${text}}}`, `\${${text}}`], scope);
      expect(typeof resolution.ok).toBe('boolean');
    }),
  );
});

it('refuses parameters that are nested without end instead of overflowing', () => {
  let deep: Json = 'x';
  for (let level = 0; level < 100_000; level += 1) deep = [deep];
  expect(resolveReferences(deep, scope)).toMatchObject({ ok: false, error: { code: 'LIMIT_EXCEEDED' } });
  expect(listReferences(['${a.result}'])).toHaveLength(1);
});
