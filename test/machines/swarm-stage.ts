/** A swarm's live chart with a nursery and a pool that do nothing by themselves: they remember what they are told, and object to nonsense. */

import assert from 'node:assert/strict';
import { type Actor, createActor, fromCallback } from 'xstate';
import type { CommitParams } from '../../src/machines/effects.ts';
import { type SwarmState, swarmMachine } from '../../src/machines/machines.ts';
import type { LeaseCommand } from '../../src/machines/protocol/agent.ts';
import { executionError } from '../../src/machines/protocol/errors.ts';
import { type ExecutionError, NO_USAGE } from '../../src/machines/protocol/execution.ts';
import type { NurseryCommand, RunJob, RunOutcome } from '../../src/machines/protocol/run.ts';
import type { SwarmFact, SwarmJob } from '../../src/machines/protocol/swarm.ts';
import type { SwarmEvent } from '../../src/machines/swarm.decisions.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { aSwarm, type Goal, goalOf } from './paths/goals.ts';

export type Timeless<Event> = Event extends { readonly at: number } ? Omit<Event, 'at'> : never;

export interface LivingChild {
  readonly incarnation: number;
  readonly executionId: string | undefined;
  readonly job: RunJob | undefined;
  /** What it was told, in order. */
  readonly told: readonly string[];
}

/** What the pool knows of a lease. */
export type LeaseLife = 'waiting' | 'held' | 'returned' | 'withdrawn' | 'refused' | 'lost';

export class SwarmStage {
  readonly clock = new VirtualClock();
  readonly facts: SwarmFact[] = [];
  readonly told: NurseryCommand[] = [];
  readonly asked: LeaseCommand[] = [];
  readonly children = new Map<string, LivingChild>();
  readonly leases = new Map<string, LeaseLife>();
  /** Returns of leases that had ended already: the pool takes them for nothing. */
  readonly idleReturns: string[] = [];
  /** Children that were stopped while they lived, with their incarnations. */
  readonly stopped: { readonly id: string; readonly incarnation: number }[] = [];
  readonly job: SwarmJob;
  readonly #actor: Actor<typeof swarmMachine>;

  constructor(goal: Goal, more: Partial<SwarmJob> = {}, restored?: SwarmState) {
    const input = aSwarm(goal, more);
    this.job = input.job;
    const nursery = fromCallback<NurseryCommand, undefined>(({ receive }) => receive((command) => this.#hearNursery(command)));
    const chart = swarmMachine.provide({
      actors: { nursery },
      actions: {
        commit: (_: unknown, { tier, facts }: CommitParams) =>
          void (tier === 'tier1' && this.facts.push(...(facts as readonly SwarmFact[]))),
        askPool: (_: unknown, command: LeaseCommand) => this.#hearPool(command),
      },
    });
    this.#actor = createActor(chart, { input: { ...input, ...(restored && { restored }) }, clock: this.clock as never });
    this.#actor.subscribe({ error: (error) => assert.fail(error as Error) });
    this.#actor.start();
  }

  get state(): SwarmState {
    return this.#actor.getSnapshot().context.state;
  }
  get outcome(): RunOutcome | undefined {
    return this.#actor.getSnapshot().output;
  }
  get types(): readonly string[] {
    return this.facts.map(({ type }) => type.replace(/^tier1\//, ''));
  }

  /** What the facts of a type say. */
  factsOf(type: SwarmFact['type']): readonly SwarmFact['payload'][] {
    return this.facts.flatMap((fact) => (fact.type === type ? [fact.payload] : []));
  }

  record(taskId: string) {
    return this.state.records.get(Number(taskId.slice(1))) ?? assert.fail(`no task ${taskId}`);
  }

  send(event: Timeless<SwarmEvent>): void {
    this.#actor.send({ ...event, at: this.clock.now() } as SwarmEvent);
  }

  /** The planner and the organizer do their work. */
  begin(): this {
    const { plan, team } = goalOf(this.job);
    this.end('$planner', { ok: true, plan });
    this.end('$organizer', { ok: true, team });
    return this;
  }

  /** A child ends with this output. */
  end(id: string, output: unknown): void {
    const { incarnation } = this.children.get(id) ?? assert.fail(`${id} does not live`);
    this.children.delete(id);
    this.send({ type: 'child.done', id, incarnation, output });
  }

  complete(id: string, creditsUsed = '0'): void {
    this.end(id, outcome('completed', { result: `${id} is done`, creditsUsed }));
  }
  fail(id: string, error: ExecutionError = DOWN, creditsUsed = '0'): void {
    this.end(id, outcome('failed', { error, creditsUsed }));
  }
  crash(id: string): void {
    const { incarnation } = this.children.get(id) ?? assert.fail(`${id} does not live`);
    this.children.delete(id);
    this.send({ type: 'child.crashed', id, incarnation, cause: { name: 'Error', message: 'boom' } });
  }

  /** The pool's answers about the latest lease of a task. */
  grant(taskId: string, agentId: string): void {
    const leaseId = this.leaseOf(taskId, 'waiting');
    this.leases.set(leaseId, 'held');
    this.send({ type: 'lease.granted', leaseId, agentId });
  }
  refuse(taskId: string, error: ExecutionError = NOBODY): void {
    const leaseId = this.leaseOf(taskId, 'waiting');
    this.leases.set(leaseId, 'refused');
    this.send({ type: 'lease.refused', leaseId, error });
  }
  /** The agent is lost; the run stops, unless it ends first. */
  lose(taskId: string, how: 'stops' | 'ends' = 'stops'): void {
    const { incarnation } = this.record(taskId);
    const leaseId = this.leaseOf(taskId, 'held');
    this.leases.set(leaseId, 'lost');
    this.send({ type: 'lease.lost', leaseId, agentId: this.record(taskId).agentId ?? '', error: GONE });
    if (how === 'stops') this.send({ type: 'child.stopped', id: taskId, incarnation });
  }

  leaseOf(taskId: string, life: LeaseLife): string {
    const found = [...this.leases].find(([leaseId, is]) => is === life && leaseId.startsWith(`swarm/${taskId}#`));
    return found?.[0] ?? assert.fail(`no lease of ${taskId} is ${life}`);
  }

  /** The requests to the pool, by task. */
  requests(taskId: string) {
    return this.asked.flatMap((command) =>
      command.type === 'lease.request' && command.request.leaseId.startsWith(`swarm/${taskId}#`) ? [command.request] : [],
    );
  }

  #hearNursery(command: NurseryCommand): void {
    this.told.push(command);
    if (command.type === 'child.stop') this.#stop(command.id);
    if (command.type === 'child.tell') this.#tell(command.id, command.event.type);
    if (command.type === 'child.tellAll') for (const id of this.children.keys()) this.#tell(id, command.event.type);
    if (command.type !== 'child.start') return;
    for (const { id, incarnation, input } of command.children) {
      assert.ok(!this.children.has(id), `a child "${id}" lives already`);
      const { execution, job } = input as { readonly execution?: { readonly executionId: string }; readonly job?: RunJob };
      this.children.set(id, { incarnation, executionId: execution?.executionId, job: execution && job, told: [] });
    }
  }

  #stop(id: string): void {
    const child = this.children.get(id);
    if (child) this.stopped.push({ id, incarnation: child.incarnation });
    this.children.delete(id);
  }

  #tell(id: string, type: string): void {
    const child = this.children.get(id) ?? assert.fail(`${id} is told ${type}, and does not live`);
    this.children.set(id, { ...child, told: [...child.told, type] });
  }

  #hearPool(command: LeaseCommand): void {
    this.asked.push(command);
    if (command.type === 'lease.request') {
      const { leaseId } = command.request;
      assert.ok(!this.leases.has(leaseId), `the lease id ${leaseId} is used twice`);
      this.leases.set(leaseId, 'waiting');
    } else if (command.type === 'lease.return') this.#giveBack(command.leaseId);
    else for (const leaseId of this.leases.keys()) this.#giveBack(leaseId, true);
  }

  #giveBack(leaseId: string, isAll = false): void {
    const life = this.leases.get(leaseId);
    if (life === 'waiting') this.leases.set(leaseId, 'withdrawn');
    else if (life === 'held') this.leases.set(leaseId, 'returned');
    else if (!isAll) this.idleReturns.push(leaseId);
  }
}

export const DOWN = executionError('EXECUTION_FAILED', 'The network is down', 'tier3');
export const NOBODY = executionError('NO_CAPABLE_AGENT', 'Nobody can do it', 'tier1');
export const GONE = executionError('AGENT_LOST', 'The agent is gone', 'tier1');

export const outcome = (
  status: RunOutcome['status'],
  {
    creditsUsed = '0',
    ...more
  }: { readonly creditsUsed?: string; readonly error?: ExecutionError; readonly result?: string; readonly reason?: string },
): RunOutcome => ({ status, result: null, ...more, usage: { ...NO_USAGE, creditsUsed }, duration: 1 });
