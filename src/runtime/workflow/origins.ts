import type { Json } from '../../machines/protocol/execution.ts';
import type { Path } from './issues.ts';

export type RawObject = { readonly [key: string]: Json };

export const isObject = (value: unknown): value is RawObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Remembers where the importers found what they rewrote, so that problems point into the author's own text.
 *
 * A rewritten object or list is noted with its place in the source; `moved` says for a key where it stood below that place.
 */
export class Origins {
  readonly #noted = new WeakMap<object, { readonly path: Path; readonly moved: ReadonlyMap<string, Path> }>();

  note<T extends object>(container: T, path: Path, moved: ReadonlyMap<string, Path> = new Map()): T {
    this.#noted.set(container, { path, moved });
    return container;
  }

  /** The place in the source of what stands at `path` below the rewritten `root`. */
  original(root: Json | undefined, path: Path): Path {
    let current = root;
    let place = this.#placeOf(current)?.path ?? [];
    for (const segment of path) {
      const moved = this.#placeOf(current)?.moved.get(String(segment));
      current = isContainer(current) ? (current as RawObject)[segment] : undefined;
      place = this.#placeOf(current)?.path ?? [...place, ...(moved ?? [segment])];
    }
    return place;
  }

  #placeOf(value: Json | undefined): { readonly path: Path; readonly moved: ReadonlyMap<string, Path> } | undefined {
    return isContainer(value) ? this.#noted.get(value) : undefined;
  }
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;
