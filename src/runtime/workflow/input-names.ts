/** The names that `{{name}}` can read: those of a workflow, or of a body and all that is around it. Nothing is copied. */
export class InputNames implements Iterable<string> {
  readonly #own: ReadonlySet<string>;
  readonly #outer: InputNames | undefined;

  constructor(own: Iterable<string>, outer?: InputNames) {
    this.#own = new Set(own);
    this.#outer = outer;
  }

  has(name: string): boolean {
    return this.#own.has(name) || (this.#outer?.has(name) ?? false);
  }

  *[Symbol.iterator](): Generator<string> {
    yield* this.#own;
    if (this.#outer) yield* this.#outer;
  }
}
