/** The people around a crashing process. Each of their acts may be done again after a crash: they look at the facts first, or it makes no difference. */

import type { ExecutionHandle, ExecutionResult, Fact, Runtime, SwarmHandle } from '../../src/index.ts';
import type { Ledger } from './ledger.ts';
import { SIGNALS } from './workload.ts';

type Handle = ExecutionHandle | SwarmHandle;

/** Commits of one life after which people begin to answer: so some lives end while everything waits. */
const PATIENCE = 30;

export class Controller {
  #runtime: Runtime | undefined;
  readonly #ledger: Ledger;
  readonly #live = new Map<string, Handle>();
  /** Types of facts of each root. */
  readonly #facts = new Map<string, Set<string>>();
  readonly #pending = new Set<string>();
  #commits = 0;
  #isThinking = false;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Everything that is to go on does so. */
  serve(runtime: Runtime): void {
    this.#runtime = runtime;
  }

  async follow(handle: Handle): Promise<ExecutionResult> {
    this.#live.set(handle.executionId, handle);
    this.#think();
    const result = await handle.result();
    this.#live.delete(handle.executionId);
    this.#think();
    return result;
  }

  /** Committed facts. */
  hear(facts: readonly Fact[]): void {
    for (const { stream, type } of facts) {
      const types = this.#facts.get(stream) ?? new Set();
      this.#facts.set(stream, types.add(type));
    }
    this.#commits++;
    this.#think();
  }

  #think(): void {
    if (this.#isThinking) return;
    this.#isThinking = true;
    setImmediate(() => {
      this.#isThinking = false;
      for (const [id, handle] of this.#live) this.#consider(id, handle);
    });
  }

  #consider(id: string, handle: Handle): void {
    const has = (type: string): boolean => this.#facts.get(id)?.has(type) === true;
    const isPatient = this.#commits < PATIENCE && [...this.#live.keys()].some((other) => !/^(asks|chain)/.test(other));
    if (id.startsWith('chain') && has('tier2/step/completed') && !has('tier2/routine/pausing') && !has('tier2/routine/paused'))
      this.#act(id, 'tier2/routine/paus', () => handle.pause());
    if (id.startsWith('undone') && has('tier3/wait/started')) this.#act(id, 'tier2/routine/cancel', () => handle.cancel('enough'));
    if (isPatient) return;
    if (id.startsWith('chain') && handle.status === 'paused') this.#act(id, 'tier2/routine/resumed', () => handle.resume());
    if (!id.startsWith('asks')) return;
    const approvals = this.#runtime?.approvals;
    for (const { id: question, executionId } of approvals?.list() ?? []) {
      if (executionId === id)
        this.#act(id, 'tier2/step/decided', async () => approvals?.decide(question, { decision: 'approve', value: 'yes', by: 'Ann' }));
    }
    if (!has('tier2/routine/signalled')) this.#act(id, 'tier2/routine/signalled', () => (handle as ExecutionHandle).signal(SIGNALS.sent));
  }

  /** One act of a kind at a time. A control that is refused with an error is a defect, and ends this life with it. */
  #act(execution: string, fact: string, act: () => Promise<boolean | undefined>): void {
    const key = `${execution} ${fact}`;
    if (this.#pending.has(key)) return;
    this.#pending.add(key);
    void act().then((isAccepted) => {
      this.#pending.delete(key);
      if (isAccepted) this.#ledger.write({ what: 'accepted', execution, fact });
    });
  }
}
