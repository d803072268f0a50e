/** Copies of values: at the door, of what user code returns, if it survives JSON unchanged; of JSON, for user code to do with as it likes. And JSON that many share. */

import { SwarmchartError } from '../machines/protocol/errors.ts';
import type { Json, JsonObject } from '../machines/protocol/execution.ts';

const MAX_DEPTH = 100;
const UNSAFE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * A deep copy of plain data. `undefined` becomes null, and disappears from objects; whatever has `toJSON` (a Date) is asked for it, once.
 * Throws INVALID_OUTPUT for what JSON cannot carry (functions, BigInts, NaN, cycles, class instances such as Map) and for what throws
 * when it is read, UNSAFE_KEY, and OUTPUT_TOO_LARGE as soon as the text exceeds `maxBytes`.
 */
export function toJson(value: unknown, what: string, maxBytes: number): Json {
  let left = maxBytes;
  let refusal: SwarmchartError | undefined;
  const path: string[] = [];
  const open = new Set<object>();

  const refuse = (code: 'INVALID_OUTPUT' | 'OUTPUT_TOO_LARGE' | 'UNSAFE_KEY', problem: string): never => {
    const where = path.length === 0 ? '' : ` at ${path.join('.')}`;
    refusal = new SwarmchartError(code, `${what} returned ${problem}${where}`);
    throw refusal;
  };
  const spend = (bytes: number): void => {
    left -= bytes;
    if (left < 0) refuse('OUTPUT_TOO_LARGE', `more than ${maxBytes} bytes`);
  };

  /** A text is at least as long as its characters: one that is too long is not even encoded. */
  const spendText = (text: string): void => {
    spend(text.length + 2);
    spend(Buffer.byteLength(JSON.stringify(text)) - text.length - 2);
  };

  const copy = (input: unknown, wasAsked = false): Json => {
    if (input === null || input === undefined) {
      spend(4);
      return null;
    }
    switch (typeof input) {
      case 'string':
        spendText(input);
        return input;
      case 'number':
        spend(String(input).length);
        // JSON has no negative zero.
        return Number.isFinite(input) ? input + 0 : refuse('INVALID_OUTPUT', `the number ${input}`);
      case 'boolean':
        spend(input ? 4 : 5);
        return input;
      case 'object':
        return copyObject(input, wasAsked);
      default:
        return refuse('INVALID_OUTPUT', `a ${typeof input}`);
    }
  };

  const copyObject = (input: object, wasAsked: boolean): Json => {
    if (open.has(input)) return refuse('INVALID_OUTPUT', 'a cyclic value');
    if (path.length > MAX_DEPTH) return refuse('INVALID_OUTPUT', `a value nested deeper than ${MAX_DEPTH}`);
    if (!wasAsked && 'toJSON' in input && typeof input.toJSON === 'function') return copy(input.toJSON(), true);
    open.add(input);
    const result = Array.isArray(input) ? copyArray(input) : copyRecord(input);
    open.delete(input);
    return result;
  };

  const copyArray = (input: readonly unknown[]): Json => {
    spend(2 + Math.max(0, input.length - 1));
    const result: Json[] = [];
    for (let index = 0; index < input.length; index++) {
      path.push(String(index));
      result.push(copy(input[index]));
      path.pop();
    }
    return result;
  };

  const copyRecord = (input: object): Json => {
    const prototype: unknown = Object.getPrototypeOf(input);
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      return refuse('INVALID_OUTPUT', `a ${input.constructor?.name ?? 'class'} instance`);
    }
    const result: Record<string, Json> = {};
    let separator = 0;
    spend(2);
    for (const [key, member] of Object.entries(input)) {
      if (UNSAFE_KEYS.has(key)) return refuse('UNSAFE_KEY', `the key "${key}"`);
      if (member === undefined) continue;
      spend(separator + 1);
      spendText(key);
      separator = 1;
      path.push(key);
      result[key] = copy(member);
      path.pop();
    }
    return result;
  };

  try {
    return copy(value);
  } catch (thrown) {
    if (refusal !== undefined && thrown === refusal) throw refusal;
    throw new SwarmchartError('INVALID_OUTPUT', `${what} returned a value that throws when it is read`, { cause: thrown });
  }
}

/** A deep copy of what is known to be JSON. Several times as fast as structuredClone for a step's parameters. */
export function copyOf<T extends Json>(value: T): T {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item: Json) => copyOf(item)) as unknown as T;
  // Unlike an assignment, spreading makes even "__proto__" an ordinary key.
  const copy = { ...(value as JsonObject) } as Record<string, Json>;
  for (const key of Object.keys(copy)) {
    const member = copy[key];
    if (typeof member === 'object' && member !== null) copy[key] = copyOf(member);
  }
  return copy as T;
}

/** Itself, with everything in it. What is frozen already is taken to be so as a whole. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}
