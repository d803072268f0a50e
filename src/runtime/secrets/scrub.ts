/** A copy of a value without any value of a secret in it, in keys as well; the value itself where there is none. */

import type { Json } from '../../machines/protocol/execution.ts';
import type { SecretValues } from './values.ts';

/** Levels in which what is logged is looked at. What is deeper is not shown. */
const MAX_DEPTH = 100;
const TOO_DEEP = '[too deep]';
const UNREADABLE = '[unreadable]';

/** Of JSON, which holds no circles. */
export function scrubJson<T extends Json>(values: SecretValues, value: T): T;
export function scrubJson(values: SecretValues, value: Json): Json {
  if (typeof value === 'string') return values.scrub(value);
  if (typeof value === 'number') return values.labelOfNumber(value) ?? value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    let copy: Json[] | undefined;
    for (let index = 0; index < value.length; index++) {
      const item = value[index] as Json;
      const scrubbed = scrubJson(values, item);
      if (scrubbed !== item) copy ??= value.slice() as Json[];
      if (copy) copy[index] = scrubbed;
    }
    return copy ?? value;
  }
  return scrubMembers(
    value as Readonly<Record<string, Json>>,
    (key) => values.scrub(key),
    (member) => scrubJson(values, member),
  );
}

function scrubMembers<T>(value: Readonly<Record<string, T>>, scrubKey: (key: string) => string, scrub: (member: T) => T) {
  let isSame = true;
  const members: [string, T][] = [];
  for (const key of Object.keys(value)) {
    const member = value[key] as T;
    const scrubbed: [string, T] = [scrubKey(key), scrub(member)];
    isSame &&= scrubbed[0] === key && Object.is(scrubbed[1], member);
    members.push(scrubbed);
  }
  if (isSame) return value;
  const copy: Record<string, T> = Object.create(null) as Record<string, T>;
  for (const [key, member] of members) copy[freeKey(copy, key)] = member;
  return { ...copy };
}

/** Two keys that were two values of one secret stay two keys. */
function freeKey(taken: object, key: string): string {
  let free = key;
  for (let count = 2; Object.hasOwn(taken, free); count++) free = `${key} (${count})`;
  return free;
}

/** Of anything at all: errors with their causes and stacks, circles, instances of classes. Never throws. */
export const scrubAny = (values: SecretValues, value: unknown): unknown => {
  if (typeof value === 'string') return values.scrub(value);
  const scrubber = new AnyScrubber(values);
  const copy = scrubber.copy(value, 0);
  return scrubber.hasFound ? copy : value;
};

class AnyScrubber {
  hasFound = false;
  readonly #values: SecretValues;
  readonly #copies = new Map<object, unknown>();

  constructor(values: SecretValues) {
    this.#values = values;
  }

  copy(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return this.#text(value);
    if (typeof value === 'number') return this.#noted(value, this.#values.labelOfNumber(value) ?? value);
    if (typeof value !== 'object' || value === null) return value;
    if (this.#copies.has(value)) return this.#copies.get(value);
    if (depth > MAX_DEPTH) return TOO_DEEP;
    try {
      return this.#object(value, depth + 1);
    } catch {
      return UNREADABLE;
    }
  }

  #object(value: object, depth: number): unknown {
    if (value instanceof Date || ArrayBuffer.isView(value)) return value;
    if (value instanceof Map) return this.#entries(new Map<unknown, unknown>(), value, depth);
    if (value instanceof Set) {
      const copy = this.#begin(value, new Set<unknown>());
      for (const item of value) copy.add(this.copy(item, depth));
      return copy;
    }
    const { toJSON } = value as { readonly toJSON?: unknown };
    if (typeof toJSON === 'function' && !(value instanceof Error)) {
      // What it is written down as is what takes its place.
      const shown = this.copy((toJSON as () => unknown).call(value), depth);
      this.#copies.set(value, shown);
      return shown;
    }
    const copy = this.#begin<object>(value, Array.isArray(value) ? [] : (Object.create(Object.getPrototypeOf(value) as object) as object));
    for (const key of Reflect.ownKeys(value)) {
      if (key === 'length' && Array.isArray(value)) continue;
      const property = Object.getOwnPropertyDescriptor(value, key);
      const member: unknown = Reflect.get(value, key);
      const free = typeof key === 'string' ? freeKey(copy, this.#text(key)) : key;
      Object.defineProperty(copy, free, {
        value: this.copy(member, depth),
        enumerable: property?.enumerable ?? true,
        writable: true,
        configurable: true,
      });
    }
    return copy;
  }

  #entries(copy: Map<unknown, unknown>, value: ReadonlyMap<unknown, unknown>, depth: number): unknown {
    this.#begin(value, copy);
    for (const [key, member] of value) copy.set(this.copy(key, depth), this.copy(member, depth));
    return copy;
  }

  #begin<T extends object>(value: object, copy: T): T {
    this.#copies.set(value, copy);
    return copy;
  }

  #text(text: string): string {
    return this.#noted(text, this.#values.scrub(text));
  }

  #noted<T>(before: unknown, after: T): T {
    if (before !== after) this.hasFound = true;
    return after;
  }
}
