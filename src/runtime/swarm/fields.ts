/** Checks one object of a definition, whose keys may be written in camel, snake or kebab case. */

import type { Json } from '../../machines/protocol/execution.ts';
import { IssueList, type Path } from '../workflow/issues.ts';
import type { RawObject } from '../workflow/origins.ts';
import { checkShape, type Shape, type ShapeCheck, type Sound, shapeCheck } from '../workflow/shape.ts';

/** A shape, and for each way of writing one of its keys the key. */
export interface FieldsCheck<S extends Shape> {
  readonly shape: ShapeCheck<S>;
  readonly keys: ReadonlyMap<string, string>;
}

/** `names` are other names of keys; `keysOfOthers` are renamed and not checked. */
export function fieldsCheck<const S extends Shape>(
  shape: S,
  keysOfOthers: readonly string[] = [],
  names: Readonly<Record<string, string>> = {},
): FieldsCheck<S> {
  const check = shapeCheck(shape, keysOfOthers);
  const canonical = [...check.keys].map((key) => [key, key] as const);
  return { shape: check, keys: new Map([...canonical, ...Object.entries(names)].map(([name, key]) => [plain(name), key])) };
}

/** The key that is meant, whatever its case and hyphens. */
export const keyMeant = (check: Pick<FieldsCheck<Shape>, 'keys'>, key: string): string | undefined => check.keys.get(plain(key));

const plain = (key: string): string => key.replace(/[-_]/g, '').toLowerCase();

export interface Fields<S extends Shape> {
  /** What is sound. */
  readonly sound: Sound<S>;
  /** Everything, under the canonical keys. */
  readonly raw: RawObject;
  /** Where a canonical key stands in the source. */
  readonly at: (key: string) => Path;
}

/** `shape` is checked; keys that others look after are only renamed. Every problem goes to `issues`, at its place in the source. */
export function readFields<S extends Shape>(check: FieldsCheck<S>, source: RawObject, path: Path, issues: IssueList): Fields<S> {
  const raw: Record<string, Json> = {};
  const places = new Map<string, string>();
  for (const [key, value] of Object.entries(source)) {
    const known = keyMeant(check, key) ?? key;
    const other = places.get(known);
    if (other !== undefined) issues.add('INVALID_VALUE', [...path, key], `"${key}" says the same as "${other}": give one of them.`);
    else {
      places.set(known, key);
      raw[known] = value;
    }
  }
  const at = (key: string): Path => [...path, places.get(key) ?? key];
  const own = new IssueList();
  const sound = checkShape(check.shape, raw, [], own);
  for (const { code, path: below, message } of own.all()) {
    const [key, ...rest] = below;
    issues.add(code, key === undefined ? path : [...at(String(key)), ...rest], message);
  }
  return { sound, raw, at };
}
