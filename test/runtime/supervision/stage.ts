/** Supervisors under test: workers that crash, finish, hang or decline on request, on a virtual clock. */

import assert from 'node:assert/strict';
import { type AnyActorRef, fromPromise, setup } from 'xstate';
import type { ChildKind } from '../../../src/actors/supervised-children.ts';
import type { SupervisorResult } from '../../../src/machines/protocol/supervisor.ts';
import type { SupervisorControls, SupervisorEvent } from '../../../src/runtime/supervision/controls.ts';
import type { SupervisedChild, SupervisorDefinition } from '../../../src/runtime/supervision/definition.ts';
import { type Supervisor, startSupervisor } from '../../../src/runtime/supervision/supervisor.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

interface WorkerInput {
  readonly id: string;
  readonly stopMs?: number;
}

const worker = setup({
  types: { context: {} as WorkerInput, input: {} as WorkerInput },
  actions: {
    begin: (_, __: { readonly id: string }) => {},
    crash: () => fail('boom'),
  },
  delays: { stopMs: ({ context }) => context.stopMs ?? 0 },
});

/** Told `crash` it throws, told `finish` it ends; asked to `stop` it takes as long as its input says. */
const workerMachine = (begin: (id: string) => void) =>
  worker
    .createMachine({
      context: ({ input }) => input,
      entry: { type: 'begin', params: ({ context }) => ({ id: context.id }) },
      initial: 'working',
      states: {
        working: { on: { finish: 'done', stop: 'stopping' } },
        stopping: { after: { stopMs: 'done' } },
        done: { type: 'final' },
      },
      on: { crash: { actions: 'crash' } },
    })
    .provide({ actions: { begin: (_, { id }) => begin(id) } });

function fail(message: string): never {
  throw new Error(message);
}

export class Stage {
  readonly clock = new VirtualClock();
  readonly facts: SupervisorEvent[] = [];
  /** How many of the next starts of a child fail. */
  readonly failures = new Map<string, number>();
  readonly #started = new Set<string>();
  #told = 0;

  readonly #begin = (id: string): void => {
    const left = this.failures.get(id) ?? 0;
    this.failures.set(id, left - 1);
    if (left > 0) fail('refused');
  };
  readonly #input = (input: unknown) => input as { readonly id?: string; readonly kind?: string };

  readonly kinds = {
    /** Stops at once. */
    worker: {
      logic: workerMachine(this.#begin),
      isWanted: (input) => this.#input(input)?.kind !== 'ignores',
    },
    /** Is asked to stop, and takes its time. */
    polite: { logic: workerMachine(this.#begin), stopEvent: { type: 'stop' } },
    /** Hears nothing of a stop. */
    deaf: { logic: workerMachine(this.#begin), stopEvent: { type: 'whatever' } },
    promise: fromPromise(async () => 7),
    broken: { logic: workerMachine(() => fail('refused')) },
  } satisfies Record<string, ChildKind | SupervisorDefinition['kinds'][string]>;

  readonly options = { clock: this.clock, onFact: (fact: SupervisorEvent) => void this.facts.push(fact) };

  start(definition: Partial<SupervisorDefinition>): Promise<SupervisorResult<Supervisor>> {
    return startSupervisor({ ...definition, kinds: { ...this.kinds, ...definition.kinds } }, this.options);
  }

  async started(definition: Partial<SupervisorDefinition>): Promise<Supervisor> {
    const { ok, error } = await this.start(definition);
    assert.ok(ok, error?.message);
    return ok;
  }

  /** What has happened to children since the last time, as OTP's recording says it: `crashed a`, `started a`. */
  events(): readonly string[] {
    const told = this.facts.slice(this.#told).flatMap((fact) => this.#print(fact));
    this.#told = this.facts.length;
    return told;
  }

  #print({ supervisor, type, payload }: SupervisorEvent): readonly string[] {
    const { id } = payload as { readonly id: string };
    const key = `${supervisor}/${id}`;
    switch (type) {
      case 'supervisor/child_started':
        this.#started.add(key);
        return [`started ${id}`];
      case 'supervisor/child_start_failed':
        return [`failed ${id}`];
      case 'supervisor/child_ignored':
        return [`ignored ${id}`];
      case 'supervisor/child_killed':
        return [`killed ${id}`];
      case 'supervisor/child_ended':
        return this.#started.delete(key) ? [`${(payload as { readonly how: string }).how} ${id}`] : [];
      default:
        return [];
    }
  }
}

export const aWorker = (id: string, more: Partial<SupervisedChild> = {}): SupervisedChild => ({
  id,
  src: 'worker',
  input: { id },
  ...more,
});

export const workers = (...ids: readonly string[]): readonly SupervisedChild[] => ids.map((id) => aWorker(id));

export const tell = (supervisor: SupervisorControls, id: string, type: 'crash' | 'finish'): void => {
  const ref: AnyActorRef | undefined = supervisor.child(id);
  ref?.send({ type });
};

export async function statusesOf(supervisor: SupervisorControls): Promise<readonly (readonly [string, string])[] | null> {
  const { ok } = await supervisor.whichChildren();
  return ok ? ok.map(({ id, status }) => [id, status] as const) : null;
}

export async function countsOf(supervisor: SupervisorControls): Promise<readonly number[]> {
  const { ok } = await supervisor.countChildren();
  return ok ? [ok.specs, ok.active, ok.supervisors, ok.workers] : [];
}
