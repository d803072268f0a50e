/** What was asked of people and what became of it: so that a late answer is told from one that nobody ever asked for. */

import type { Fact } from '../../machines/protocol/facts.ts';
import { oneLine } from '../outcome.ts';
import { runOf } from '../progress/names.ts';

export interface Entry {
  readonly isOpen: boolean;
  /** Why it is not open. */
  readonly reason: string;
}

interface Open {
  readonly noun: string;
  /** Of an obligation: the tasks that would meet it late. */
  readonly tasks: ReadonlySet<string>;
}

/** Questions that are over; the oldest is forgotten first. */
const MOST_REMEMBERED = 10_000;

const OPEN: Entry = { isOpen: true, reason: '' };
const SETTLED: ReadonlySet<string> = new Set(['completed', 'failed', 'skipped', 'cancelled']);

interface Payload {
  readonly stepId?: string;
  readonly taskId?: string;
  readonly normId?: string;
  readonly waitsFor?: { readonly type: string };
  readonly open?: readonly string[];
  readonly decision?: string;
  readonly by?: string;
}

export class History {
  readonly #open = new Map<string, Open>();
  readonly #over = new Map<string, Entry>();

  /** Ids of the questions that wait for people, of this execution and all in it. */
  openIn(executionId: string): readonly string[] {
    return [...this.#open.keys()].filter((id) => id.startsWith(`${executionId}/`));
  }

  /** Undefined for what was never asked, or is over since long ago. */
  get(id: string): Entry | undefined {
    return this.#open.has(id) ? OPEN : this.#over.get(id);
  }

  ids(): Iterable<string> {
    return this.#open.keys();
  }

  /** The id of the question that this fact asks. */
  hear(fact: Fact): string | undefined {
    const [, noun = '', verb = ''] = fact.type.split('/');
    if (fact.tier === 'tier3') return undefined;
    if (noun === 'swarm' || noun === 'routine') {
      if (SETTLED.has(verb)) this.#endAll(runOf(fact), `its run has ended (${verb})`);
      // A new plan is made of what was asked about tasks.
      else if (verb === 'replanning') this.#endAll(runOf(fact), 'the swarm makes another plan', 'task');
      return undefined;
    }
    const payload = fact.payload as Payload;
    const subject = payload.normId ?? payload.taskId ?? payload.stepId;
    if (subject === undefined) return undefined;
    const id = `${runOf(fact)}/${subject}`;
    if (asks(verb, payload)) {
      this.#open.set(id, { noun, tasks: new Set(payload.open) });
      return id;
    }
    if (verb === 'decided') this.#end(id, `it was answered already: ${payload.decision}${by(payload)}`);
    else if (verb === 'expired') this.#end(id, 'it waits no longer: nobody answered in time');
    else if (noun === 'task' && verb === 'completed') this.#complete(id, subject);
    else if (SETTLED.has(verb)) this.#end(id, `it waits no longer: the ${noun} has ended (${verb})`);
    return undefined;
  }

  #end(id: string, reason: string): void {
    if (!this.#open.delete(id)) return;
    this.#over.delete(id);
    this.#over.set(id, { isOpen: false, reason });
    const [oldest] = this.#over.keys();
    if (oldest !== undefined && this.#over.size > MOST_REMEMBERED) this.#over.delete(oldest);
  }

  #complete(id: string, taskId: string): void {
    this.#end(id, 'it waits no longer: the task has ended (completed)');
    for (const [norm, { noun, tasks }] of [...this.#open]) {
      if (!tasks.has(taskId)) continue;
      const left = new Set([...tasks].filter((task) => task !== taskId));
      if (left.size > 0) this.#open.set(norm, { noun, tasks: left });
      else this.#end(norm, 'it waits no longer: the obligation was met late');
    }
  }

  /** What a run leaves open when it ends is over with it. */
  #endAll(runId: string, reason: string, only?: string): void {
    for (const [id, { noun }] of [...this.#open]) {
      if (id.startsWith(`${runId}/`) && (only === undefined || noun === only)) this.#end(id, `it waits no longer: ${reason}`);
    }
  }
}

function asks(verb: string, { waitsFor }: Payload): boolean {
  return verb === 'escalated' || verb === 'unmet' || (verb === 'started' && waitsFor?.type === 'approval');
}

const by = ({ by: person }: Payload): string => (person === undefined ? '' : ` by ${oneLine(person)}`);
