/** The circuit breakers of a runtime: one actor for each tool that is called, started when first needed. */

import { type Actor, type AnyActorRef, createActor } from 'xstate';
import type { Clock } from '../actors/clock.ts';
import type { Breakers, Permit } from '../actors/services.ts';
import type { AnyTool } from '../actors/tool.ts';
import { admits } from '../machines/breaker.fold.ts';
import type { CircuitBreaker } from '../machines/breaker.machine.ts';
import { type BreakerCommand, type BreakerOptions, DEFAULT_BREAKER } from '../machines/protocol/breaker.ts';
import type { ExecutionContext } from '../machines/protocol/execution.ts';

type BreakerActor = Actor<CircuitBreaker>;

export class ToolBreakers implements Breakers {
  readonly #actors = new Map<string, BreakerActor>();
  readonly #logic: CircuitBreaker;
  readonly #clock: Clock;
  readonly #parent: () => AnyActorRef;
  #permits = 0;

  constructor(logic: CircuitBreaker, clock: Clock, parent: () => AnyActorRef) {
    this.#logic = logic;
    this.#clock = clock;
    this.#parent = parent;
  }

  acquire(tool: AnyTool): Permit | undefined {
    const actor = this.#actors.get(tool.name) ?? this.#start(tool);
    if (!admits(actor.getSnapshot().context.state)) return undefined;
    const permit = ++this.#permits;
    if (actor.getSnapshot().context.state.phase !== 'closed') actor.send({ type: 'breaker.acquired', permit, at: this.#clock.now() });
    let isOver = false;
    const end = (type: BreakerCommand['type']) => () => {
      if (isOver) return;
      isOver = true;
      const { state } = actor.getSnapshot().context;
      const isNews = state.phase !== 'closed' || type === 'breaker.failed' || state.failures > 0;
      if (isNews && actor.getSnapshot().status === 'active') actor.send({ type, permit, at: this.#clock.now() });
    };
    return { succeeded: end('breaker.succeeded'), failed: end('breaker.failed'), released: end('breaker.released') };
  }

  stop(): void {
    for (const actor of this.#actors.values()) actor.send({ type: 'xstate.stop' } as never);
    this.#actors.clear();
  }

  #start(tool: AnyTool): BreakerActor {
    const id = `breaker/tool/${tool.name}`;
    const options: BreakerOptions = { ...DEFAULT_BREAKER, ...(tool.breaker || {}) };
    const execution: ExecutionContext = {
      executionId: id,
      swarmId: id,
      userId: 'runtime',
      timestamp: this.#clock.now(),
      correlationId: id,
    };
    const input = { scope: 'tool' as const, key: tool.name, options, execution };
    const actor = createActor(this.#logic, { parent: this.#parent(), id, src: 'breaker', input } as { input: typeof input });
    this.#actors.set(tool.name, actor);
    actor.start();
    return actor;
  }
}
