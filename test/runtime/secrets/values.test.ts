/** What is found of a secret's value in texts, and what stands there afterwards. */

import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { scrubAny, scrubJson } from '../../../src/runtime/secrets/scrub.ts';
import { SecretValues } from '../../../src/runtime/secrets/values.ts';

const KEY = 'sk-live/4+2=6"\\ü x';

function valuesOf(secrets: Readonly<Record<string, string>>): SecretValues {
  const values = new SecretValues();
  for (const [name, value] of Object.entries(secrets)) values.add(name, value);
  return values;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('the value of a secret', () => {
  it.each([
    ['itself', `a ${KEY} b`, 'a [secret:KEY] b'],
    ['twice, without a space', KEY + KEY, '[secret:KEY][secret:KEY]'],
    ['in JSON', JSON.stringify({ a: KEY }), '{"a":"[secret:KEY]"}'],
    ['in a URL', `https://x.y/?key=${encodeURIComponent(KEY)}&z`, 'https://x.y/?key=[secret:KEY]&z'],
    ['in a URL with small letters', encodeURIComponent(KEY).replace(/%../g, (code) => code.toLowerCase()), '[secret:KEY]'],
    ['in a form', encodeURIComponent(KEY).replaceAll('%20', '+'), '[secret:KEY]'],
    ['in Base64', `Basic ${base64(KEY)}`.replace(/=*$/, ''), /^Basic \[secret:KEY\].?$/],
    ['in Base64 after a name', base64(`user:${KEY}`), /^dXNlc.{1,2}\[secret:KEY\].{0,2}=*$/],
    ['in Base64 between others', base64(`ab${KEY}cd`), /^.{3}\[secret:KEY\].*$/],
    ['in Base64 for URLs', Buffer.from(`user:${KEY}`).toString('base64url'), /^dXNlc.{1,2}\[secret:KEY\].{0,2}$/],
    ['before a cut', `curl ${KEY.slice(0, 9)}…`, 'curl [secret:KEY]…'],
    ['behind a cut', `…${KEY.slice(5)} failed`, '…[secret:KEY] failed'],
    ['too little of it at a cut to tell', `curl ${KEY.slice(0, 3)}…`, `curl ${KEY.slice(0, 3)}…`],
  ])('is found: %s', (_where, text, expected) => {
    const scrubbed = valuesOf({ KEY }).scrub(text);
    if (typeof expected === 'string') expect(scrubbed).toBe(expected);
    else expect(scrubbed).toMatch(expected);
  });

  it('that begins another one does not hide it', () => {
    const values = valuesOf({ SHORT: 'secret-1', LONG: 'secret-12345' });
    expect(values.scrub('secret-12345 and secret-1')).toBe('[secret:LONG] and [secret:SHORT]');
  });

  it('that overlaps another one goes with it: nothing of either is left', () => {
    expect(valuesOf({ A: 'abcdefgh', B: 'ghijklmn' }).scrub('<abcdefghijklmn>')).toBe('<[secret:A]>');
  });

  it('is not left where a label makes it up together with what is beside it', () => {
    const scrubbed = valuesOf({ A: 'aaaaaa', B: 'x[secr' }).scrub('xaaaaaa');
    expect(scrubbed).not.toContain('aaaaaa');
    expect(scrubbed).not.toContain('x[secr');
  });

  it('is found no more once it is forgotten, unless another secret has it, too', () => {
    const values = valuesOf({ A: 'shared-value', B: 'shared-value', C: 'another-value' });
    values.delete('A', 'shared-value');
    values.delete('C', 'another-value');
    expect(values.scrub('shared-value another-value')).toBe('[secret:B] another-value');
  });

  it('is found wherever it stands in any text, whatever it is made of', () => {
    const value = fc.string({ minLength: 6, maxLength: 40, unit: 'grapheme' }).filter((text) => !'[secret:KEY] [secret:?]'.includes(text));
    const form = fc.constantFrom<(text: string) => string>(
      (text) => text,
      (text) => JSON.stringify(text).slice(1, -1),
      (text) => encodeURIComponent(text),
    );
    fc.assert(
      fc.property(value, fc.array(fc.oneof(fc.string(), fc.constant(undefined))), form, (secret, pieces, write) => {
        const text = pieces.map((piece) => piece ?? write(secret)).join('');
        expect(valuesOf({ KEY: secret }).scrub(text)).not.toContain(secret);
      }),
    );
  });

  it('is looked for at every cut at a cost that hardly grows with how long and how many the values are', () => {
    const values = new SecretValues();
    for (let n = 0; n < 100; n++) values.add(`K${n}`, `${n}-${'abcdefgh'.repeat(400)}-${n}`);
    using compared = vi.spyOn(String.prototype, 'startsWith');
    expect(values.scrub('some text … and more of it '.repeat(100))).not.toContain('[secret');
    expect(compared.mock.calls.length).toBeLessThan(1_000);
  });

  it('changes nothing where it is not, and costs no copy', () => {
    const values = valuesOf({ KEY });
    const json = { list: ['a', 1, null, { b: true }], text: 'sk-live' };
    const error = Object.assign(new Error('boom'), { code: 'E', cause: new Map([['a', new Date(0)]]) });
    expect(scrubJson(values, json)).toBe(json);
    expect(scrubAny(values, error)).toBe(error);
  });
});

describe('JSON', () => {
  it('is scrubbed at every depth, keys as well, and keeps both of two keys that become one', () => {
    const values = valuesOf({ KEY, OLD: 'old-value' });
    values.add('KEY', 'new-value');
    const json = { [KEY]: 1, 'new-value': [2, { deep: `<${KEY}>` }], same: 'x' };
    expect(scrubJson(values, json)).toEqual({ '[secret:KEY]': 1, '[secret:KEY] (2)': [2, { deep: '<[secret:KEY]>' }], same: 'x' });
  });

  it('shows no number that a secret is', () => {
    expect(scrubJson(valuesOf({ PIN: '123456' }), [123_456, 1_234_567])).toEqual(['[secret:PIN]', 1_234_567]);
  });
});

describe('what is logged', () => {
  it('is scrubbed whatever it is: errors with causes and stacks, maps, circles, what has a JSON of its own', () => {
    const values = valuesOf({ KEY: 'the-key-1' });
    class Own {
      readonly inner = 'the-key-1';
    }
    const error = Object.assign(new TypeError('no the-key-1', { cause: new Error('because the-key-1') }), {
      config: { auth: 'the-key-1' },
    });
    const circle: Record<string, unknown> = { error, own: new Own(), map: new Map([['the-key-1', new Set(['the-key-1'])]]) };
    circle['self'] = circle;
    circle['url'] = new URL('https://x.y/?k=the-key-1');
    const shown = scrubAny(values, circle) as typeof circle & { error: TypeError & { config: object }; own: Own };
    expect(shown['self']).toBe(shown);
    expect(shown.error).toBeInstanceOf(TypeError);
    expect(shown.error).toMatchObject({ message: 'no [secret:KEY]', config: { auth: '[secret:KEY]' } });
    expect(shown.error.stack).not.toContain('the-key-1');
    expect((shown.error.cause as Error).message).toBe('because [secret:KEY]');
    expect(shown.own).toBeInstanceOf(Own);
    expect(shown.own.inner).toBe('[secret:KEY]');
    expect([...(shown['map'] as Map<string, Set<string>>)]).toEqual([['[secret:KEY]', new Set(['[secret:KEY]'])]]);
    expect(shown['url']).toBe('https://x.y/?k=[secret:KEY]');
    expect(error.message).toBe('no the-key-1');
  });

  it('may throw when it is looked at', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(scrubAny(valuesOf({ KEY }), { proxy, text: KEY })).toEqual({ proxy: '[unreadable]', text: '[secret:KEY]' });
  });
});
