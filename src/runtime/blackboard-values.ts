/** What the operations of a blackboard make of a value. Values are frozen, so that the board, its facts and its readers can share them. */

import { isSwarmchartError } from '../actors/failure.ts';
import { frozen, toJson } from '../actors/json.ts';
import { SwarmchartError } from '../machines/protocol/errors.ts';
import type { Json, JsonObject } from '../machines/protocol/execution.ts';
import { UNSAFE_KEYS } from './workflow/limits.ts';

export type Operation = 'set' | 'append' | 'increment' | 'merge' | 'deepMerge' | 'delete';

const MAX_VALUE_BYTES = 1_048_576;
const MAX_KEY_LENGTH = 200;

/** A value with the length of its JSON text. */
export interface Sized {
  readonly value: Json;
  readonly bytes: number;
}

/** Throws UNSAFE_KEY or INVALID_VALUE. */
export function checkKey(key: unknown): void {
  if (typeof key !== 'string' || key.length < 1 || key.length > MAX_KEY_LENGTH) {
    throw new SwarmchartError('INVALID_VALUE', `A key of a blackboard is a text of 1 to ${MAX_KEY_LENGTH} characters`);
  }
  if (UNSAFE_KEYS.has(key)) throw new SwarmchartError('UNSAFE_KEY', `"${key}" cannot be a key of a blackboard`);
}

/** The value after an operation; `present` is undefined where there is none. Throws, as `Blackboard` says. */
export function applied(
  operation: Operation,
  key: string,
  present: Sized | undefined,
  given: unknown,
  scrub: (value: Json) => Json = (value) => value,
): Sized {
  switch (operation) {
    case 'set':
      return sized(key, copied(key, given, scrub));
    case 'delete':
      return { value: null, bytes: 4 };
    case 'append': {
      const list = needed(operation, key, 'list', present?.value ?? []);
      const item = sized(key, copied(key, given, scrub));
      const bytes = list.length === 0 ? item.bytes + 2 : (present?.bytes ?? 2) + item.bytes + 1;
      return { value: Object.freeze([...list, item.value]), bytes: withinLimit(key, bytes) };
    }
    case 'increment': {
      const sum = needed(operation, key, 'number', present ? present.value : 0) + needed(operation, key, 'number', given, 'takes');
      if (!Number.isFinite(sum)) throw new SwarmchartError('INVALID_VALUE', `"${key}" cannot be incremented to ${sum}`);
      return sized(key, sum + 0);
    }
    case 'merge':
    case 'deepMerge': {
      const members = needed(operation, key, 'object', copied(key, given, scrub), 'takes');
      const object = needed(operation, key, 'object', present ? present.value : {});
      return sized(key, operation === 'merge' ? { ...object, ...members } : deepMerged(object, members));
    }
  }
}

/** As it came out of a fact. */
export const restored = (value: Json): Sized => ({ value: frozen(value), bytes: bytesOf(value) });

interface Types {
  readonly list: readonly Json[];
  readonly number: number;
  readonly object: JsonObject;
}

function needed<T extends keyof Types>(
  operation: Operation,
  key: string,
  type: T,
  value: unknown,
  verb: 'takes' | 'needs' = 'needs',
): Types[T] {
  const actual = typeOf(value);
  if (actual === type) return value as Types[T];
  const message =
    verb === 'takes'
      ? `"${operation}" of "${key}" takes a value of type ${type}, not ${actual}`
      : `"${operation}" needs a value of type ${type}, and "${key}" holds one of type ${actual}`;
  throw new SwarmchartError('BLACKBOARD_TYPE_MISMATCH', message, { context: { key, operation, needed: type, actual } });
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  return typeof value;
}

function copied(key: string, given: unknown, scrub: (value: Json) => Json): Json {
  try {
    return frozen(scrub(toJson(given, 'The writer', MAX_VALUE_BYTES)));
  } catch (thrown) {
    if (!isSwarmchartError(thrown)) throw thrown;
    if (thrown.code === 'OUTPUT_TOO_LARGE') throw tooLarge(key);
    const code = thrown.code === 'UNSAFE_KEY' ? 'UNSAFE_KEY' : 'INVALID_VALUE';
    throw new SwarmchartError(code, `"${key}" cannot hold this: ${thrown.message}`, { cause: thrown });
  }
}

const sized = (key: string, value: Json): Sized => ({ value: frozen(value), bytes: withinLimit(key, bytesOf(value)) });
const bytesOf = (value: Json): number => Buffer.byteLength(JSON.stringify(value));

function withinLimit(key: string, bytes: number): number {
  if (bytes > MAX_VALUE_BYTES) throw tooLarge(key);
  return bytes;
}

const tooLarge = (key: string) => new SwarmchartError('LIMIT_EXCEEDED', `"${key}" would hold more than ${MAX_VALUE_BYTES} bytes`);

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

function deepMerged(below: JsonObject, above: JsonObject): JsonObject {
  const merged: Record<string, Json> = { ...below };
  for (const [name, member] of Object.entries(above)) {
    const beneath = Object.hasOwn(below, name) ? below[name] : undefined;
    merged[name] = isObject(member) && isObject(beneath) ? deepMerged(beneath, member) : member;
  }
  return merged;
}
