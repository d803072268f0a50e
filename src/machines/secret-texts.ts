/**
 * Where secrets belong in a value. The value shows their references as their author wrote them; what takes their place when the work begins
 * stands beside it, so that no text that merely looks like a reference is ever taken for one.
 */

import type { SecretText, WithSecrets } from './protocol/secrets.ts';

/** A member that is there only when there are any. */
export const sealed = (secrets: readonly SecretText[] = []): WithSecrets => (secrets.length > 0 ? { secrets } : {});

/** Of a value that has become a member of another one. */
export const secretsUnder = (secrets: readonly SecretText[] = [], ...at: readonly string[]): readonly SecretText[] =>
  secrets.map(({ path, parts }) => ({ path: [...at, ...path], parts }));

/** Of the member that stands at a path. */
export const secretsBelow = (secrets: readonly SecretText[] = [], at: readonly string[] = []): readonly SecretText[] =>
  secrets.flatMap(({ path, parts }) => (at.every((key, index) => path[index] === key) ? [{ path: path.slice(at.length), parts }] : []));

/** Of an object whose members may be replaced: those of the members that have not been. */
export const secretsBeside = (secrets: readonly SecretText[] = [], isReplaced: (name: string) => boolean): readonly SecretText[] =>
  secrets.filter(({ path: [name = ''] }) => !isReplaced(name));
