/**
 * References in parameters: `{{name.path}}` reads the run's input, `${step.result.path}` a settled step, `{{secrets.NAME}}` a secret.
 *
 * A reference is a path and nothing else. It is resolved once: what it yields is never looked at for further references,
 * and only own properties are read. That of a secret stays as it is; where it stands is told beside the value.
 */

import type { ErrorCode } from './protocol/errors.ts';
import type { ExecutionError, Json, StepStatus } from './protocol/execution.ts';
import type { SealedValue, SecretPart, SecretText } from './protocol/secrets.ts';
import { sealed, secretsBelow, secretsUnder } from './secret-texts.ts';

export type Reference =
  | { readonly kind: 'input'; readonly text: string; readonly name: string; readonly path: readonly string[] }
  | {
      readonly kind: 'step';
      readonly text: string;
      readonly step: string;
      readonly field: 'result' | 'error' | 'status';
      readonly path: readonly string[];
    }
  | { readonly kind: 'secret'; readonly text: string; readonly name: string };

/** What `{{secrets.NAME}}` begins with: no input can be read under this name. */
export const SECRETS = 'secrets';
const SECRET_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,99}$/;

/** Letters, digits, `_` and `-`, at most 100 of them; a digit or `-` is not the first. */
export const isSecretName = (name: unknown): name is string => typeof name === 'string' && SECRET_NAME.test(name);

/** A piece of a template: literal text, a reference, or something in braces that is no reference. */
export type TemplatePart = string | Reference | { readonly kind: 'malformed'; readonly text: string; readonly reason: string };

export interface StepView {
  readonly found: boolean;
  readonly status?: StepStatus;
  /** Null for a skipped step. */
  readonly result?: Json;
  readonly error?: ExecutionError | null;
}

/** Where references are looked up. */
export interface ReferenceScope {
  input(name: string): { readonly found: boolean } & Partial<SealedValue>;
  step(id: string): StepView;
}

export type Resolution =
  | ({ readonly ok: true } & SealedValue)
  | { readonly ok: false; readonly error: { readonly code: ErrorCode; readonly message: string } };

const MAX_DEPTH = 100;
const MAX_TEXT_LENGTH = 16 * 1024 * 1024;

/** Splits a text at its placeholders. Literal text is returned as it is. */
export function parseTemplate(text: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let done = 0;
  while (done < text.length) {
    const start = nextPlaceholder(text, done);
    if (start === -1) break;
    if (start > done) parts.push(text.slice(done, start));
    const close = text[start] === '{' ? '}}' : '}';
    const end = text.indexOf(close, start + 2);
    if (end === -1) {
      parts.push({ kind: 'malformed', text: text.slice(start), reason: `"${close}" is missing` });
      return parts;
    }
    done = end + close.length;
    parts.push(parseReference(text.slice(start, done), text.slice(start + 2, end).trim(), close === '}}'));
  }
  if (done < text.length) parts.push(text.slice(done));
  return parts;
}

function nextPlaceholder(text: string, from: number): number {
  const input = text.indexOf('{{', from);
  const step = text.indexOf('${', from);
  return input === -1 || step === -1 ? Math.max(input, step) : Math.min(input, step);
}

function parseReference(text: string, inner: string, isInput: boolean): TemplatePart {
  const segments = parsePath(inner);
  const [head, field, ...path] = segments ?? [];
  if (head === undefined) return { kind: 'malformed', text, reason: 'a reference is a path such as name.field[0]' };
  if (isInput && head === SECRETS) {
    if (isSecretName(field) && path.length === 0) return { kind: 'secret', text, name: field };
    return { kind: 'malformed', text, reason: 'a secret is read as {{secrets.NAME}}, as a whole' };
  }
  if (isInput) return { kind: 'input', text, name: head, path: segments?.slice(1) ?? [] };
  if (field !== 'result' && field !== 'error' && field !== 'status') {
    return { kind: 'malformed', text, reason: `a step is read as \${${head}.result}, .error or .status; the input is read as {{${head}}}` };
  }
  return { kind: 'step', text, step: head, field, path };
}

/** `a.b[0]["c d"]` as its segments, or undefined when it is no path. */
export function parsePath(text: string): readonly string[] | undefined {
  const segment = /\.?([^.[\]{}"'\s]+)|\[(\d+)\]|\["([^"\]]*)"\]/y;
  const segments: string[] = [];
  while (segment.lastIndex < text.length) {
    const at = segment.lastIndex;
    const match = segment.exec(text);
    if (match === null) return undefined;
    const startsWithDot = text[at] === '.';
    const isName = match[1] !== undefined;
    if (isName && startsWithDot === (at === 0)) return undefined;
    segments.push(match[1] ?? match[2] ?? match[3] ?? '');
  }
  return segments.length === 0 ? undefined : segments;
}

/** Replaces every reference within a value. Never throws. */
export function resolveReferences(value: Json, scope: ReferenceScope): Resolution {
  return resolveAt(value, scope, 0);
}

function resolveAt(value: Json, scope: ReferenceScope, depth: number): Resolution {
  if (typeof value === 'string') return resolveText(value, scope);
  if (value === null || typeof value !== 'object') return { ok: true, value };
  if (depth > MAX_DEPTH) return failed('LIMIT_EXCEEDED', `Parameters are nested deeper than ${MAX_DEPTH} levels.`);
  const resolved: [string, Json][] = [];
  const secrets: SecretText[] = [];
  for (const [key, item] of Object.entries(value)) {
    const inner = resolveAt(item, scope, depth + 1);
    if (!inner.ok) return inner;
    resolved.push([key, inner.value]);
    if (inner.secrets) secrets.push(...secretsUnder(inner.secrets, key));
  }
  return { ok: true, value: Array.isArray(value) ? resolved.map(([, item]) => item) : Object.fromEntries(resolved), ...sealed(secrets) };
}

function resolveText(text: string, scope: ReferenceScope): Resolution {
  const parts = parseTemplate(text);
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return resolvePart(only, scope);
  let result = '';
  const pieces: SecretPart[] = [];
  for (const part of parts) {
    const resolved = resolvePart(part, scope);
    if (!resolved.ok) return resolved;
    const { value, secrets } = resolved;
    if (secrets && typeof value !== 'string') {
      return unresolved(typeof part === 'string' ? part : part.text, 'secrets within a list or an object cannot become part of a text');
    }
    const piece = typeof value === 'string' ? value : JSON.stringify(value);
    result += piece;
    pieces.push(...(secrets?.[0]?.parts ?? [piece]));
    if (result.length > MAX_TEXT_LENGTH)
      return failed('LIMIT_EXCEEDED', `A text with references grew beyond ${MAX_TEXT_LENGTH} characters.`);
  }
  const hasSecrets = pieces.some((piece) => typeof piece === 'object');
  return { ok: true, value: result, ...(hasSecrets && { secrets: [{ path: [], parts: pieces }] }) };
}

function resolvePart(part: TemplatePart, scope: ReferenceScope): Resolution {
  if (typeof part === 'string') return { ok: true, value: part };
  if (part.kind === 'malformed') return failed('UNRESOLVED_REFERENCE', `${part.text} is not a reference: ${part.reason}.`);
  if (part.kind === 'secret') return { ok: true, value: part.text, secrets: [{ path: [], parts: [{ secret: part.name }] }] };
  if (part.kind === 'input') {
    const { found, value, secrets } = scope.input(part.name);
    if (!found) return unresolved(part.text, `the input has no "${part.name}"`);
    const followed = follow(value ?? null, part.path, part.text);
    return secrets && followed.ok ? { ...followed, ...sealed(secretsBelow(secrets, part.path)) } : followed;
  }
  const step = scope.step(part.step);
  if (!step.found) return unresolved(part.text, `there is no step "${part.step}"`);
  if (part.field === 'status') return follow(step.status ?? null, part.path, part.text);
  const value = part.field === 'result' ? (step.result ?? null) : errorAsJson(step.error);
  const isAbsent = value === null && (part.field === 'error' || step.status === 'skipped');
  return isAbsent ? { ok: true, value: null } : follow(value, part.path, part.text);
}

/** Everything below an error that did not happen, or below a skipped step's result, is null. */
const errorAsJson = (error: ExecutionError | null | undefined): Json =>
  error ? { ...error, cause: error.cause ?? null, context: error.context ?? null } : null;

function follow(root: Json, path: readonly string[], text: string): Resolution {
  const value = readPath(root, path);
  if (value !== undefined) return { ok: true, value };
  const missing = path.findIndex((_, index) => readPath(root, path.slice(0, index + 1)) === undefined);
  return unresolved(text, `nothing at "${path[missing] ?? ''}"`);
}

/** What stands at a path of own properties, or undefined. */
export function readPath(root: Json, path: readonly (string | number)[]): Json | undefined {
  let value: Json | undefined = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as { readonly [key: string]: Json })[key];
  }
  return value;
}

const failed = (code: ErrorCode, message: string): Resolution => ({ ok: false, error: { code, message } });
const unresolved = (text: string, why: string): Resolution => failed('UNRESOLVED_REFERENCE', `Cannot resolve ${text}: ${why}.`);

/** A placeholder found in a value, with its path below that value. */
export interface FoundReference {
  readonly part: Exclude<TemplatePart, string>;
  readonly path: readonly (string | number)[];
}

/** The references to secrets within a value. */
export const listSecrets = (value: Json): readonly FoundReference[] => listReferences(value).filter(({ part }) => part.kind === 'secret');

/** Every placeholder within a value, malformed ones included. Keeps its own stack: any depth will do. */
export function listReferences(value: Json): readonly FoundReference[] {
  const found: FoundReference[] = [];
  const open: { readonly item: Json; readonly path: readonly (string | number)[] }[] = [{ item: value, path: [] }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { item, path } = next;
    if (typeof item === 'string') {
      for (const part of parseTemplate(item)) if (typeof part !== 'string') found.push({ part, path });
    } else if (Array.isArray(item)) {
      for (let index = item.length - 1; index >= 0; index -= 1) open.push({ item: item[index] as Json, path: [...path, index] });
    } else if (item !== null && typeof item === 'object') {
      for (const [key, inner] of Object.entries(item).reverse()) open.push({ item: inner, path: [...path, key] });
    }
  }
  return found;
}
