/** Plain JSON from any value at all, for showing it. What JSON cannot hold becomes a short text that says what was there. */

import type { Json } from '../machines/protocol/execution.ts';

export interface PlainLimits {
  /** Levels of objects in objects; what is deeper shows as `[Object]` or `[Array]`. */
  readonly maxDepth: number;
  /** About how many characters of JSON text; what comes after that shows as `[cut]`. */
  readonly maxCharacters: number;
  /** Of one text. @default 10_000 */
  readonly maxTextLength?: number;
}

/**
 * Never throws. An Error shows as its name and message, a bigint as `12n`, a function as `{type: name}` (as in XState's own JSON of a chart), a
 * Date as ISO text, a Map as its pairs, an actor as its reference, a circle as `[Circular]`, a member that cannot be read as `[unreadable]`.
 * Whatever has a `toJSON`, as the collections of immutable.js have, shows as that.
 */
export function toPlain(value: unknown, limits: PlainLimits): Json {
  return new Plain(limits).of(value, 0) ?? null;
}

const MEMBER_COST = 4;
const DEFAULT_MAX_TEXT_LENGTH = 10_000;

class Plain {
  readonly #maxDepth: number;
  readonly #maxTextLength: number;
  #left: number;
  readonly #above = new Set<object>();

  constructor({ maxDepth, maxCharacters, maxTextLength = DEFAULT_MAX_TEXT_LENGTH }: PlainLimits) {
    this.#maxDepth = maxDepth;
    this.#maxTextLength = maxTextLength;
    this.#left = maxCharacters;
  }

  /** Undefined: there is nothing to show. */
  of(value: unknown, depth: number): Json | undefined {
    this.#left -= MEMBER_COST;
    switch (typeof value) {
      case 'string':
        return this.#text(value);
      case 'number':
        return Number.isFinite(value) ? value : String(value);
      case 'boolean':
        return value;
      case 'undefined':
        return undefined;
      case 'bigint':
        return this.#text(`${value}n`);
      case 'symbol':
        return this.#text(String(value));
      default:
        if (value === null) return null;
        try {
          return this.#object(value as object, depth);
        } catch {
          return '[unreadable]';
        }
    }
  }

  #text(text: string): string {
    const room = Math.max(0, Math.min(this.#left, this.#maxTextLength));
    this.#left -= Math.min(text.length, room);
    return text.length <= room ? text : `${text.slice(0, room)}… [cut: ${text.length} characters]`;
  }

  #object(value: object, depth: number): Json {
    if (typeof value === 'function') return { type: this.#text(String(value.name)) };
    if (this.#above.has(value)) return '[Circular]';
    if (value instanceof Error) return this.#error(value);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.constructor.name} of ${value.byteLength} bytes]`;
    if (depth >= this.#maxDepth) return Array.isArray(value) ? '[Array]' : '[Object]';
    this.#above.add(value);
    try {
      return this.#members(value, depth);
    } finally {
      this.#above.delete(value);
    }
  }

  #error(error: Error): Json {
    const { code } = error as { readonly code?: unknown };
    const more = typeof code === 'string' ? { code: this.#text(code) } : {};
    return { name: this.#text(String(error.name)), message: this.#text(String(error.message)), ...more };
  }

  #members(value: object, depth: number): Json {
    const { toJSON } = value as { readonly toJSON?: unknown };
    // The same depth: what it stands for takes its place.
    if (typeof toJSON === 'function') return this.of((toJSON as () => unknown).call(value), depth) ?? null;
    if (Array.isArray(value)) return this.#list(value, depth);
    if (value instanceof Map || value instanceof Set) return this.#list(value, depth);
    const members: [string, Json][] = [];
    for (const key of Object.keys(value)) {
      if (this.#left <= 0) {
        members.push(['…', '[cut]']);
        break;
      }
      const member = this.#member(value as Record<string, unknown>, key, depth);
      if (member === undefined) continue;
      this.#left -= key.length;
      members.push([key, member]);
    }
    return Object.fromEntries(members);
  }

  #member(value: Record<string, unknown>, key: string, depth: number): Json | undefined {
    try {
      return this.of(value[key], depth + 1);
    } catch {
      return '[unreadable]';
    }
  }

  #list(values: Iterable<unknown>, depth: number): Json {
    const list: Json[] = [];
    for (const value of values) {
      if (this.#left <= 0) {
        list.push('[cut]');
        break;
      }
      list.push(this.of(value, depth + 1) ?? null);
    }
    return list;
  }
}
