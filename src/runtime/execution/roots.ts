/** The root executions of a runtime, from their start until their result is out. Each has a stream of its own. */

import type { ExecutionContext, ExecutionError, ResourceUsage, Tier } from '../../machines/protocol/execution.ts';
import type { Fact, FactBody } from '../../machines/protocol/facts.ts';
import type { ChildSpec } from '../../machines/protocol/run.ts';
import type { StepJob } from '../../machines/protocol/step.ts';
import type { FactStream } from '../journal/fact-stream.ts';
import { foldStream } from '../journal/restoration.ts';
import type { Directory, DirectoryEntry } from './directory.ts';
import { burials, type Fallen, fallenFrom, usageOf } from './fallen.ts';
import type { Execution } from './handle.ts';
import type { SuspendedStates } from './suspended-states.ts';

export interface Root {
  readonly execution: Execution;
  readonly stream: FactStream;
  readonly tier: Tier;
  readonly suspended: SuspendedStates;
  /** How its actor is started. */
  readonly spec: ChildSpec;
  /** What is left of each execution that has crashed, until it lives again or its last fact is recorded. */
  readonly fallen: Map<string, Fallen>;
  /** Crashes that are being looked after. */
  readonly falls: Set<Promise<unknown>>;
}

export class Roots extends Map<string, Root> {
  readonly #directory: Directory;

  constructor(directory: Directory) {
    super();
    this.#directory = directory;
  }

  /** Enters an execution in the directory. Returns the fold of its earlier life, if it has one. */
  admit(execution: ExecutionContext, report: Parameters<Directory['enter']>[1]): unknown {
    const { executionId } = execution;
    const own = this.get(executionId);
    this.#directory.enter(execution, report, own?.stream);
    const root = own ?? this.#above(execution);
    root?.fallen.delete(executionId);
    return root?.suspended.take(executionId);
  }

  /** Only a swarm suspends: of its runs, and of what is beneath them, the fold is kept for as long as it may be needed. */
  dismiss(execution: ExecutionContext, how: 'ended' | 'suspended' | 'crashed'): void {
    const { executionId } = execution;
    const entry = this.#directory.find(executionId);
    if (how === 'crashed') return this.#directory.leave(execution, 'abandoned');
    const root = entry && this.get(entry.stream.name);
    if (root?.tier === 'tier1' && executionId !== entry?.stream.name) {
      const state = stateOf(entry);
      if (how === 'suspended') root.suspended.keep(executionId, state);
      else root.suspended.keepUntilHeard(executionId, state);
    }
    // A root lives again when the nursery of all roots does.
    if (root && how === 'suspended' && executionId === entry?.stream.name) root.suspended.keep(executionId, stateOf(entry));
    // Without its root it never lives again.
    const isLeft = how === 'suspended' && !root;
    this.#directory.leave(execution, isLeft ? 'abandoned' : how);
  }

  /**
   * After a crash: what is left is kept, as far as the facts go, so that it can live again. Resolves with what it had used; undefined when its
   * root has ended. Rejects when the facts cannot be read.
   */
  async fell({ executionId }: ExecutionContext, read: (stream: string) => Promise<readonly Fact[]>): Promise<ResourceUsage | undefined> {
    const root = this.#rootOf(executionId);
    if (!root) return undefined;
    const usage = this.#keep(root, executionId, read);
    // A failure is that of whoever awaits the usage; here only its end matters.
    const fall = usage.catch(() => {}).finally(() => root.falls.delete(fall));
    root.falls.add(fall);
    return usage;
  }

  /** Resolves once each crash in this tree was looked after; undefined when there is none. */
  falling(executionId: string): Promise<unknown> | undefined {
    const { falls } = this.#rootOf(executionId) ?? {};
    return falls && falls.size > 0 ? Promise.all(falls) : undefined;
  }

  async #keep(root: Root, executionId: string, read: (stream: string) => Promise<readonly Fact[]>): Promise<ResourceUsage> {
    await root.stream.committed();
    const states = foldStream(await read(root.stream.name));
    const fallen = fallenFrom(executionId, states);
    for (const [id, state] of fallen) root.suspended.keep(id, state);
    root.fallen.set(executionId, fallen);
    return usageOf(executionId, states, jobOf(root, executionId));
  }

  /** Before the last fact of an execution that will not live again: those of all below it that have none. */
  bury(execution: ExecutionContext, error: ExecutionError, at: number): void {
    const { executionId } = execution;
    const root = this.#rootOf(executionId);
    const fallen = root?.fallen.get(executionId);
    if (!root || !fallen) return;
    root.fallen.delete(executionId);
    for (const id of fallen.keys()) root.suspended.take(id);
    for (const burial of burials(execution, fallen, error, at)) {
      this.#directory.settledAs(burial.execution.executionId, 'failed');
      root.stream.record({ ...burial, facts: [burial.fact] });
    }
  }

  /** What an execution has recorded tells of whose end it has heard. */
  heard({ executionId }: ExecutionContext, facts: readonly FactBody[]): void {
    this.get(this.#directory.find(executionId)?.stream.name ?? '')?.suspended.heard(executionId, facts);
  }

  /** The ids of children begin with that of their root, which has no slash. */
  #rootOf(executionId: string): Root | undefined {
    return this.get(executionId.split('/', 1)[0] ?? executionId);
  }

  #above({ parentExecutionId }: ExecutionContext): Root | undefined {
    const name = parentExecutionId === undefined ? undefined : this.#directory.find(parentExecutionId)?.stream.name;
    return name === undefined ? undefined : this.get(name);
  }
}

const stateOf = (entry: DirectoryEntry | undefined): unknown =>
  (entry?.ref?.getSnapshot().context as { readonly state?: unknown } | undefined)?.state;

/** That of a step on its own; runs know those of their steps. */
function jobOf({ tier, stream, spec }: Root, executionId: string): StepJob | undefined {
  return tier === 'tier3' && executionId === stream.name ? (spec.input as { readonly job: StepJob }).job : undefined;
}
