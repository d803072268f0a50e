/** What waits, the oldest first. Taking from its front costs the same however much waits: that of a long array is copied each time. */

const TIDY_AFTER = 1_024;

export class Fifo<Item> {
  #items: (Item | undefined)[] = [];
  #next = 0;

  get length(): number {
    return this.#items.length - this.#next;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#next];
    this.#items[this.#next++] = undefined;
    if (this.length === 0) this.clear();
    else if (this.#next >= TIDY_AFTER && this.#next > this.length) {
      this.#items = this.#items.slice(this.#next);
      this.#next = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#next = 0;
  }
}
