/** Which agent did which task, and when, as bars on one scale; beneath them what went wrong, and how it was put right. */

import type { PoolFact } from '../../machines/protocol/agent.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { RunFact } from '../../machines/protocol/run.ts';
import type { StepFact } from '../../machines/protocol/step.ts';
import type { SwarmFact } from '../../machines/protocol/swarm.ts';
import { oneLine, printDuration } from '../outcome.ts';
import { agentName, causeOf, labelOf, pathOf, runOf } from './names.ts';
import { describeRetry } from './words.ts';

type AnyFact = RunFact | StepFact | SwarmFact | PoolFact;

/** One agent at one task: a row of its own. */
interface Stretch {
  readonly task: string;
  readonly agent: string;
  readonly from: number;
  to?: number;
  /** Why it ended, where that was not the end of the task. */
  note?: string;
}

interface Incident {
  readonly at: number;
  /** What becomes of an agent comes before what follows from it in the same millisecond. */
  readonly rank: 0 | 1;
  readonly who: string;
  readonly what: string;
}

const WIDTH = 32;
const MOST_STRETCHES = 20;
const MOST_INCIDENTS = 20;

export class Timeline {
  readonly #stretches: Stretch[] = [];
  readonly #incidents: Incident[] = [];
  /** Tasks that have had trouble: their end is told. */
  readonly #troubled = new Set<string>();
  /** Steps of each run that are done. */
  readonly #done = new Map<string, string[]>();
  /** Of the step that needed most of them, for each run that needed more than one. */
  readonly #attempts = new Map<string, number>();
  /** The present run of each task. */
  readonly #runs = new Map<string, string>();
  #root = '';
  #from: number | undefined;
  #to = 0;

  hear(fact: Fact): void {
    const { type, at, payload } = fact as unknown as AnyFact;
    if (!type.startsWith('agent/')) {
      this.#root = fact.stream;
      this.#from ??= at;
      this.#to = Math.max(this.#to, at);
    }
    switch (type) {
      case 'tier1/task/started':
        this.#runs.set(payload.taskId, payload.childExecutionId);
        this.#begin(payload.taskId, oneLine(payload.agentId), at);
        return;
      case 'tier1/task/continued': {
        this.#begin(payload.taskId, oneLine(payload.agentId), at);
        const done = this.#doneIn(payload.taskId);
        const kept = done.length === 0 ? '' : `; ${done.join(', ')} ${done.length === 1 ? 'is' : 'are'} not done again`;
        return this.#tell(at, payload.taskId, `new lease: ${oneLine(payload.agentId)} goes on${kept}`);
      }
      case 'tier1/lease/lost':
        this.#finish(payload.taskId, at, 'lost');
        this.#troubled.add(payload.taskId);
        return this.#tell(at, payload.taskId, `lease on ${oneLine(payload.agentId ?? 'its agent')} lost${this.#standing(payload.taskId)}`);
      case 'tier1/task/reassigned':
        this.#finish(payload.taskId, at, 'failed');
        this.#troubled.add(payload.taskId);
        return this.#tell(at, payload.taskId, `${oneLine(payload.agentId)} failed at it: ${oneLine(payload.error.message)}`);
      case 'tier1/task/given_up':
      case 'tier1/task/escalated': {
        this.#finish(payload.taskId, at, 'failed');
        this.#troubled.add(payload.taskId);
        const next = type === 'tier1/task/escalated' ? 'people are asked' : 'another plan is wanted';
        return this.#tell(at, payload.taskId, `no agent could do it: ${oneLine(payload.error.message)}; ${next}`);
      }
      case 'tier1/task/completed':
        this.#finish(payload.taskId, at);
        if (this.#troubled.has(payload.taskId))
          this.#tell(at, payload.taskId, `completed by ${oneLine(payload.agentId) || 'a person'}${this.#atAttempt(payload.taskId)}`);
        return;
      case 'tier1/task/failed':
        this.#finish(payload.taskId, at, 'failed');
        return this.#tell(at, payload.taskId, `failed: ${oneLine(payload.error.message)}`);
      case 'tier1/task/cancelled':
        return this.#finish(payload.taskId, at, 'cancelled');
      case 'tier2/step/completed':
        if (payload.attempts > 1)
          this.#attempts.set(fact.executionId, Math.max(payload.attempts, this.#attempts.get(fact.executionId) ?? 0));
        if (this.#done.has(fact.executionId)) this.#done.get(fact.executionId)?.push(payload.stepId);
        else this.#done.set(fact.executionId, [payload.stepId]);
        return;
      case 'tier3/attempt/failed': {
        const path = pathOf(runOf(fact), this.#root);
        if (path[0] !== undefined) this.#troubled.add(path[0]);
        return this.#tell(at, labelOf([...path, payload.stepId]), describeRetry(payload));
      }
      case 'agent/crashed':
        return this.#agent(at, payload.agentId, `crashed: ${causeOf(payload.error, this.#root)}`);
      case 'agent/lost':
        return this.#agent(at, payload.agentId, `lost: ${causeOf(payload.error, this.#root)}`);
      case 'agent/restarted':
        return this.#agent(at, payload.agentId, `restarted: life ${payload.incarnation}`);
      case 'agent/escalated':
        return this.#agent(at, payload.agentId, `given up: ${causeOf(payload.error, this.#root)}`);
      default:
    }
  }

  /** At most a screen; nothing when no task was begun. */
  lines(): readonly string[] {
    const incidents = this.#incidents.toSorted((one, other) => one.at - other.at || one.rank - other.rank);
    const bars = this.#bars();
    return incidents.length === 0 || bars.length === 0 ? bars : [...bars, '', ...this.#told(incidents)];
  }

  #bars(): readonly string[] {
    const order = [...new Set(this.#stretches.map(({ task }) => task))];
    const rows = this.#stretches.toSorted((one, other) => order.indexOf(one.task) - order.indexOf(other.task));
    const shown = rows.slice(0, MOST_STRETCHES);
    const scale = WIDTH / Math.max(1, this.#to - this.#start);
    const [tasks, agents] = [widthOf(shown, ({ task }) => task), widthOf(shown, ({ agent }) => agent)];
    const lines = shown.map(({ task, agent, from, to = this.#to, note }, index) => {
      const before = Math.min(WIDTH - 1, Math.floor((from - this.#start) * scale));
      const length = Math.max(1, Math.min(WIDTH - before, Math.round((to - from) * scale)));
      const bar = note === undefined ? '█'.repeat(length) : `${'█'.repeat(length - 1)}✗`;
      const name = shown[index - 1]?.task === task ? '' : task;
      const took = `${printDuration(to - from)}${note === undefined ? '' : `, ${note}`}`;
      return `${name.padEnd(tasks)}  ${agent.padEnd(agents)}  ${`${' '.repeat(before)}${bar}`.padEnd(WIDTH)}  ${took}`;
    });
    return rows.length > shown.length ? [...lines, `and ${rows.length - shown.length} more`] : lines;
  }

  #told(incidents: readonly Incident[]): readonly string[] {
    const shown = incidents.slice(0, MOST_INCIDENTS);
    const times = shown.map(({ at }) => `+${printDuration(Math.max(0, at - this.#start))}`);
    const time = Math.max(...times.map((text) => text.length));
    const name = widthOf(shown, ({ who }) => who);
    const lines = shown.map(({ who, what }, index) => `${(times[index] ?? '').padStart(time)}  ${who.padEnd(name)}  ${what}`);
    return incidents.length > shown.length ? [...lines, `and ${incidents.length - shown.length} more`] : lines;
  }

  get #start(): number {
    return this.#from ?? 0;
  }

  #begin(task: string, agent: string, from: number): void {
    this.#stretches.push({ task, agent, from });
  }

  #finish(task: string, to: number, note?: string): void {
    const stretch = this.#stretches.findLast((one) => one.task === task && one.to === undefined);
    if (!stretch) return;
    stretch.to = to;
    if (note !== undefined) stretch.note = note;
  }

  #tell(at: number, who: string, what: string): void {
    this.#incidents.push({ at, rank: 1, who, what });
  }

  #agent(at: number, agentId: string, what: string): void {
    this.#incidents.push({ at, rank: 0, who: agentName(agentId, this.#root), what });
  }

  #doneIn(task: string): readonly string[] {
    return this.#done.get(this.#runs.get(task) ?? '') ?? [];
  }

  #atAttempt(task: string): string {
    const attempts = this.#attempts.get(this.#runs.get(task) ?? '');
    return attempts === undefined ? '' : `, at attempt ${attempts}`;
  }

  #standing(task: string): string {
    const done = this.#doneIn(task);
    return done.length === 0 ? '' : `, with ${done.join(', ')} done`;
  }
}

const widthOf = <Item>(items: readonly Item[], text: (item: Item) => string): number =>
  Math.max(0, ...items.map((item) => text(item).length));
