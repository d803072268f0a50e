/**
 * Placeholders of templates: `<%name%>`, filled in before a workflow is checked; `<%%` stands for the text `<%`.
 *
 * They look like neither kind of reference (`{{name}}`, `${step.result}`), so that a template may hold both, mean nothing in CEL, and
 * need no quotes in YAML. They stand in texts only, never in keys.
 */

import type { Json } from '../../machines/protocol/execution.ts';
import { listReferences, listSecrets } from '../../machines/references.ts';
import type { IssueList, Path } from './issues.ts';
import { isObject } from './origins.ts';

export type PlaceholderPart = string | { readonly name: string } | { readonly malformed: string };

const OPEN = '<%';
const CLOSE = '%>';
const NAME = /^[\p{L}_][\p{L}\p{N}_-]*$/u;
/** Characters of all texts that were filled in, together. */
const MAX_FILLED = 16 * 1024 * 1024;

/** Splits a text at its placeholders. */
export function parsePlaceholders(text: string): readonly PlaceholderPart[] {
  const parts: PlaceholderPart[] = [];
  let literal = '';
  let done = 0;
  for (let start = text.indexOf(OPEN); start !== -1; start = text.indexOf(OPEN, done)) {
    literal += text.slice(done, start);
    if (text[start + 2] === '%' && text[start + 3] !== '>') {
      literal += OPEN;
      done = start + 3;
      continue;
    }
    if (literal !== '') parts.push(literal);
    literal = '';
    const end = text.indexOf(CLOSE, start + 2);
    done = end === -1 ? text.length : end + 2;
    const name = end === -1 ? '' : text.slice(start + 2, end).trim();
    parts.push(NAME.test(name) ? { name } : { malformed: text.slice(start, Math.min(done, start + 60)) });
  }
  literal += text.slice(done);
  if (literal !== '' || parts.length === 0) parts.push(literal);
  return parts;
}

/** Calls back for every placeholder within a value, and for keys that look like one. */
export function visitPlaceholders(value: Json, path: Path, visit: (part: Exclude<PlaceholderPart, string>, path: Path) => void): void {
  if (typeof value === 'string') {
    for (const part of parsePlaceholders(value)) if (typeof part !== 'string') visit(part, path);
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) visitPlaceholders(item as Json, [...path, index], visit);
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      if (key.includes(OPEN)) visit({ malformed: key.slice(0, 60) }, [...path, key]);
      visitPlaceholders(item, [...path, key], visit);
    }
  }
}

export interface Filling {
  readonly values: Readonly<Record<string, Json>>;
  /** Parameters whose values may hold references to the run. */
  readonly mayRefer: ReadonlySet<string>;
}

/**
 * A copy with every placeholder replaced, once: what a value holds is not looked at again. One that is the whole text keeps its value's type.
 * Within a condition a value becomes a literal of CEL, so that no value can change what the condition asks. A value that would become, or
 * make up, a reference to the run is a problem of its parameter.
 */
export function fillPlaceholders(template: Json, { values, mayRefer }: Filling, issues: IssueList): Json {
  let filled = 0;
  const references = new Map<string, number>();
  const read = (name: string): Json => (Object.hasOwn(values, name) ? (values[name] ?? null) : null);

  function fillText(text: string, isCode: boolean): Json {
    const parts = parsePlaceholders(text);
    const names = parts.flatMap((part) => (typeof part === 'object' && 'name' in part ? [part.name] : []));
    const [only] = names;
    if (only === undefined) return parts.join('');
    if (parts.length === 1) {
      if (!isCode && referencesOf(only) > 0) refuse(names);
      if (listSecrets(read(only)).length > 0) refuseSecret(only);
      return read(only);
    }
    const result = join(parts, (name) => print(read(name), isCode));
    // No secret can have this name.
    const own = join(parts, () => '?');
    if (secretsIn(result) !== secretsIn(own)) refuseSecret(only);
    if (
      !isCode &&
      !isAsMeant(
        result,
        join(parts, (name) => (mayRefer.has(name) ? print(read(name), false) : 'x')),
      )
    )
      refuse(names);
    return result;
  }

  function referencesOf(name: string): number {
    const known = references.get(name) ?? countReferences(read(name));
    references.set(name, known);
    return known;
  }

  function refuse(names: readonly string[]): void {
    const name = names.find((candidate) => !mayRefer.has(candidate));
    if (name === undefined) return;
    const message = `The parameter "${name}" would be read as a reference to the run. Declare it with "references: true" if that is meant.`;
    issues.add('INVALID_INPUT', [name], message);
  }

  /** The template's author says which secrets are read, and nobody who fills it in. */
  function refuseSecret(name: string): void {
    issues.add('INVALID_INPUT', [name], `The parameter "${name}" would be read as a reference to a secret.`);
  }

  function join(parts: readonly PlaceholderPart[], printed: (name: string) => string): string {
    let text = '';
    for (const part of parts) {
      if (filled > MAX_FILLED) return text;
      const piece = typeof part === 'string' ? part : 'name' in part ? printed(part.name) : part.malformed;
      filled += piece.length;
      text += piece;
    }
    return text;
  }

  function fillAt(value: Json, place: Place): Json {
    if (typeof value === 'string') return fillText(value, place === 'code');
    if (Array.isArray(value)) return value.map((item: Json) => fillAt(item, place));
    if (!isObject(value)) return value;
    const entries = Object.entries(value).map(([key, item]) => [key, fillAt(item, placeOf(key, value, place))] as const);
    return Object.fromEntries(entries);
  }

  const result = fillAt(template, 'definition');
  if (filled > MAX_FILLED) issues.add('LIMIT_EXCEEDED', [], `The texts that are filled in are longer than ${MAX_FILLED} characters.`);
  return result;
}

const print = (value: Json, isCode: boolean): string => (typeof value === 'string' && !isCode ? value : JSON.stringify(value));

/** Their names, in order. */
const secretsIn = (text: string): string =>
  listSecrets(text)
    .map(({ part }) => part.text)
    .join();

const countReferences = (value: Json): number => listReferences(value).length;

/** Whether a text has as many references as meant, and none that is one only by what was filled in. */
function isAsMeant(text: string, meant: string): boolean {
  const [found, expected] = [listReferences(text), listReferences(meant)];
  const malformed = (all: typeof found): number => all.filter(({ part }) => part.kind === 'malformed').length;
  return found.length === expected.length && malformed(found) >= malformed(expected);
}

/** `code`: a text there is a CEL expression. `data`: keys there are the author's own. */
type Place = 'definition' | 'code' | 'data';

const DATA_KEYS: ReadonlySet<string> = new Set(['parameters', 'value', 'input', 'metadata', 'triggers', 'over']);
const CODE_KEYS: ReadonlySet<string> = new Set(['when', 'condition', 'conditions', 'expression']);

function placeOf(key: string, owner: { readonly [key: string]: Json }, place: Place): Place {
  if (place === 'data' || DATA_KEYS.has(key)) return 'data';
  if (key === 'until') return owner['type'] === 'wait' ? 'definition' : 'code';
  return CODE_KEYS.has(key) ? 'code' : 'definition';
}
