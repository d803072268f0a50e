/** Counts the effects that are under way, and can hold back all that have not begun: how a runtime that is to stop lets its work finish. */

const NEVER = new Promise<void>(() => {});

export class EffectGate {
  /** How many, by root execution. */
  readonly #underWay = new Map<string, number>();
  #isHeld = false;
  #idle: PromiseWithResolvers<void> | undefined;

  /** Never resolves once effects are held back; until then undefined. */
  get closed(): Promise<void> | undefined {
    return this.#isHeld ? NEVER : undefined;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** From now on nothing begins. */
  hold(): void {
    this.#isHeld = true;
  }

  begin(executionId: string): () => void {
    // The ids of children begin with that of their root, which has no slash.
    const root = executionId.split('/', 1)[0] ?? executionId;
    this.#underWay.set(root, (this.#underWay.get(root) ?? 0) + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#end(root);
    };
  }

  /** Root executions for which something is under way. */
  busy(): Iterable<string> {
    return this.#underWay.keys();
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    if (this.#underWay.size === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers<void>();
    return this.#idle.promise;
  }

  #end(root: string): void {
    const left = (this.#underWay.get(root) ?? 1) - 1;
    if (left > 0) this.#underWay.set(root, left);
    else this.#underWay.delete(root);
    if (this.#underWay.size === 0) this.#idle?.resolve();
  }
}
