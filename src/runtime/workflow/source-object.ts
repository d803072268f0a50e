/** A definition given as a JavaScript value, copied into plain JSON data. Never runs a getter, and never throws. */

import { asCause } from '../../actors/failure.ts';
import type { Json } from '../../machines/protocol/execution.ts';
import type { IssueList, Path } from './issues.ts';
import { UNSAFE_KEYS, WORKFLOW_LIMITS } from './limits.ts';

/** Leaves out properties that are `undefined`; anything else that JSON cannot hold is a problem at its path. */
export function readObject(value: unknown, issues: IssueList): Json | undefined {
  const { documentNodes, documentDepth } = WORKFLOW_LIMITS;
  let nodes = 0;
  let isStopped = false;

  function stop(path: Path, message: string): undefined {
    if (!isStopped) issues.add('LIMIT_EXCEEDED', path, message);
    isStopped = true;
  }

  function copy(item: unknown, path: Path): Json | undefined {
    nodes += 1;
    if (isStopped) return undefined;
    if (nodes > documentNodes) return stop(path, `The definition holds more than ${documentNodes} values.`);
    if (path.length > documentDepth) return stop(path, `Nested deeper than ${documentDepth} levels, or within itself.`);
    if (item === null || typeof item === 'string' || typeof item === 'boolean') return item;
    if (typeof item === 'number' && Number.isFinite(item)) return item;
    if (Array.isArray(item)) return Array.from(item, (element: unknown, index) => copy(element, [...path, index]) ?? null);
    if (isPlainObject(item)) return copyObject(item, path);
    issues.add('INVALID_VALUE', path, `${nameOf(item)} is not a JSON value.`);
    return undefined;
  }

  function copyObject(item: object, path: Path): Json {
    const data: Record<string, Json> = {};
    for (const key of Object.keys(item)) {
      const property = Object.getOwnPropertyDescriptor(item, key);
      const at = [...path, key];
      if (UNSAFE_KEYS.has(key)) issues.add('UNSAFE_KEY', at, `The key "${key}" is not allowed.`);
      else if (property === undefined || !('value' in property)) issues.add('INVALID_VALUE', at, 'A getter is not a JSON value.');
      else if (property.value !== undefined) data[key] = copy(property.value, at) ?? null;
    }
    return data;
  }

  try {
    return copy(value, []);
  } catch (thrown) {
    // A proxy may throw whenever it is looked at.
    issues.add('INVALID_VALUE', [], `The definition cannot be read: ${asCause(thrown).message}.`);
    return undefined;
  }
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (value === undefined) return 'undefined';
  return typeof value === 'object' ? 'An object with a prototype' : `A ${typeof value}`;
}
