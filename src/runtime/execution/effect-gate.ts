/** Counts the effects that are under way, and can hold back all that have not begun: how a runtime that is to stop lets its work finish. */

const NEVER = new Promise<void>(() => {});

export class EffectGate {
  #underWay = 0;
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

  begin(): () => void {
    this.#underWay++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#underWay--;
      if (this.#underWay === 0) this.#idle?.resolve();
    };
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers<void>();
    return this.#idle.promise;
  }
}
