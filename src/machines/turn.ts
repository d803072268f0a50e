/**
 * One transition's decisions: facts are built once, folded at once, and leave together.
 *
 * A chart's action opens a turn on its folded state, records what follows from the event, and hands the result on:
 * the new state to `assign`, the facts to one commit, the messages to their actors.
 */

import type { Evolve, FactBody } from './protocol/facts.ts';

export class Turn<State extends { readonly at: number }, Body extends FactBody> {
  state: State;
  readonly facts: Body[] = [];
  readonly #evolve: Evolve<State, Body>;

  constructor(state: State, evolve: Evolve<State, Body>) {
    this.state = state;
    this.#evolve = evolve;
  }

  /** What a message brings happened when that was sent; in the order in which it is recorded, time never goes back. */
  record(fact: Body): void {
    const dated = fact.at < this.state.at ? { ...fact, at: this.state.at } : fact;
    this.facts.push(dated);
    this.state = this.#evolve(this.state, dated);
  }
}
