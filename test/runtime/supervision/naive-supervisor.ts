/** What a supervisor must do, as plainly as it can be said: lists, and everything at once. */

import type { RestartStrategy, RestartType, SupervisorSpec } from '../../../src/machines/protocol/supervisor.ts';

export interface NaiveSpec {
  readonly id: string;
  readonly restart: RestartType;
  readonly significant: boolean;
}

interface NaiveChild extends NaiveSpec {
  status: 'running' | 'absent' | 'restarting';
}

export class NaiveSupervisor {
  children: NaiveChild[] = [];
  isOver = false;
  readonly failures = new Map<string, number>();
  readonly #strategy: RestartStrategy;
  readonly #intensity: number;
  readonly #auto: SupervisorSpec['autoShutdown'];
  #restarts = 0;
  /** What failed to start again, in the order of the failures. */
  #toTry: NaiveChild[] = [];
  #events: string[] = [];

  constructor(strategy: RestartStrategy, intensity: number, auto: SupervisorSpec['autoShutdown'], specs: readonly NaiveSpec[]) {
    this.#strategy = strategy;
    this.#intensity = intensity;
    this.#auto = auto;
    this.children = specs.map((spec) => ({ ...spec, status: 'absent' }));
    for (const child of this.children) this.#start(child);
  }

  /** What has happened since it was last asked. */
  events(): readonly string[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  end(id: string, how: 'crashed' | 'done'): void {
    const child = this.#find(id);
    if (child?.status !== 'running') return;
    child.status = 'absent';
    this.#events.push(`${how} ${id}`);
    if (child.restart === 'permanent' || (child.restart === 'transient' && how === 'crashed')) {
      this.#restart(child);
      return;
    }
    this.#forgetTemporary();
    const isLast = !this.children.some(({ significant, status }) => significant && status !== 'absent');
    if (child.significant && (this.#auto === 'any-significant' || (this.#auto === 'all-significant' && isLast))) this.#stopAll();
  }

  add(spec: NaiveSpec): string {
    const known = this.#find(spec.id);
    if (known) return known.status === 'running' ? 'ALREADY_STARTED' : 'ALREADY_PRESENT';
    const child: NaiveChild = { ...spec, status: 'absent' };
    if (!this.#start(child)) return 'START_FAILED';
    this.children.push(child);
    return 'ok';
  }

  terminate(id: string): string {
    const child = this.#find(id);
    if (!child) return 'NOT_FOUND';
    this.#stop(child);
    this.#forgetTemporary();
    return 'ok';
  }

  restart(id: string): string {
    const child = this.#find(id);
    if (child?.status !== 'absent') return this.#refusal(child);
    return this.#start(child) ? 'ok' : 'START_FAILED';
  }

  delete(id: string): string {
    const child = this.#find(id);
    if (child?.status !== 'absent') return this.#refusal(child);
    this.children = this.children.filter((other) => other !== child);
    return 'ok';
  }

  /** Tries again what failed to start, until nothing is left to try. */
  settle(): void {
    for (;;) {
      const child = this.#toTry.shift();
      if (!child || this.isOver) return;
      this.#restart(child);
    }
  }

  #refusal(child: NaiveChild | undefined): string {
    if (!child) return 'NOT_FOUND';
    return child.status === 'running' ? 'RUNNING' : 'RESTARTING';
  }

  #restart(culprit: NaiveChild): void {
    if (++this.#restarts > this.#intensity) {
      culprit.status = 'absent';
      this.#stopAll();
      return;
    }
    const from = this.#strategy === 'one-for-all' ? 0 : this.children.indexOf(culprit);
    const group = this.#strategy === 'one-for-one' ? [culprit] : this.children.slice(from);
    for (const child of group.toReversed()) this.#stop(child);
    this.#forgetTemporary();
    for (const child of group) {
      if (!this.children.includes(child) || this.#start(child)) continue;
      child.status = 'restarting';
      this.#toTry.push(child);
      return;
    }
  }

  #start(child: NaiveChild): boolean {
    const left = this.failures.get(child.id) ?? 0;
    this.failures.set(child.id, left - 1);
    this.#events.push(`${left > 0 ? 'failed' : 'started'} ${child.id}`);
    if (left <= 0) child.status = 'running';
    return left <= 0;
  }

  #stop(child: NaiveChild): void {
    if (child.status === 'running') this.#events.push(`stopped ${child.id}`);
    child.status = 'absent';
    this.#toTry = this.#toTry.filter((other) => other !== child);
  }

  #stopAll(): void {
    for (const child of this.children.toReversed()) this.#stop(child);
    this.isOver = true;
  }

  #forgetTemporary(): void {
    this.children = this.children.filter(({ restart, status }) => restart !== 'temporary' || status !== 'absent');
  }

  #find(id: string): NaiveChild | undefined {
    return this.children.find((child) => child.id === id);
  }
}
