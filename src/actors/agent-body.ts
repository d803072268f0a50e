/**
 * The body of an agent: runs the user's hooks.
 *
 * Whatever a hook throws is thrown again inside this actor, so that the agent crashes and its pool acts: nothing here handles it. However a
 * life ends, its signal is aborted and `dispose` is called once, if the agent began to initialize.
 */

import { fromCallback } from 'xstate';
import type { BodyCommand, BodyInput, BodyReply } from '../machines/protocol/agent.ts';
import { SwarmchartError } from '../machines/protocol/errors.ts';
import { AttemptSecrets } from './attempt-secrets.ts';
import type { Clock } from './clock.ts';
import type { AgentFault, FaultHooks } from './faults.ts';
import type { Secrets } from './services.ts';
import type { Logger } from './tool.ts';

/** What an agent's hooks are given. */
export interface AgentContext {
  readonly agentId: string;
  /** 1 for its first life, and one more for each restart. */
  readonly incarnation: number;
  /** Aborted when this life ends, however it does. */
  readonly signal: AbortSignal;
  /** The value of a secret, got once for this life. Rejects with SECRET_NOT_FOUND. */
  secret(name: string): Promise<string>;
  readonly log: Logger;
}

export interface AgentHooks {
  /** The agent is ready when it resolves. */
  readonly initialize?: (context: AgentContext) => unknown;
  /** Called once at the end of every life that began to initialize; may take 5 seconds. */
  readonly dispose?: (context: AgentContext) => unknown;
  /** A heartbeat, when it resolves in time. */
  readonly check?: (context: AgentContext) => unknown;
}

export interface BodyServices {
  readonly clock: Clock;
  readonly log: Logger;
  readonly faults: FaultHooks;
  readonly secrets: Secrets;
  readonly hooksOf: (agentId: string) => AgentHooks | undefined;
  /** Hears of work that goes on after the actor has ended. It never rejects. */
  readonly outliving: (work: Promise<void>) => void;
}

type Thrown = { readonly type: 'body.throw'; readonly thrown: unknown };

export const agentBody = (services: BodyServices) =>
  fromCallback<BodyCommand, BodyInput>(({ self, input, sendBack, receive }) => {
    const rethrow = (thrown: unknown) => {
      if (self.getSnapshot().status === 'active') (self as unknown as { send(message: Thrown): void }).send({ type: 'body.throw', thrown });
    };
    const body = new Body(input, services, (reply) => sendBack(reply), rethrow);
    receive((message: BodyCommand | Thrown) => body.obey(message));
    body.start();
    return () => body.leave();
  });

class Body {
  readonly #services: BodyServices;
  readonly #hooks: AgentHooks;
  readonly #context: AgentContext;
  readonly #abort = new AbortController();
  readonly #reply: (reply: BodyReply) => void;
  readonly #rethrow: (thrown: unknown) => void;
  readonly #secrets: AttemptSecrets;
  #isOver = false;

  constructor(
    { agentId, incarnation }: BodyInput,
    services: BodyServices,
    reply: (reply: BodyReply) => void,
    rethrow: (thrown: unknown) => void,
  ) {
    this.#services = services;
    this.#hooks = services.hooksOf(agentId) ?? {};
    const { signal } = this.#abort;
    this.#secrets = new AttemptSecrets(services.secrets, signal);
    this.#context = { agentId, incarnation, signal, secret: this.#secrets.get, log: services.log };
    this.#reply = reply;
    this.#rethrow = (thrown) => rethrow(services.secrets.scrubAny(thrown));
  }

  start(): void {
    this.#mayFail({ at: 'starting' });
    this.#run(
      async () => this.#hooks.initialize?.(this.#context),
      () => this.#reply({ type: 'body.ready', at: this.#services.clock.now() }),
    );
  }

  obey(message: BodyCommand | Thrown): void {
    switch (message.type) {
      case 'body.throw':
        this.leave();
        throw message.thrown;
      case 'body.assigned':
        this.#mayFail({ at: 'assigned', leaseId: message.leaseId });
        return;
      case 'body.check':
        this.#mayFail({ at: 'heartbeat' });
        this.#run(
          async () => this.#hooks.check?.(this.#context),
          () => this.#reply({ type: 'body.alive', beat: message.beat, at: this.#services.clock.now() }),
        );
        return;
      case 'body.dispose':
        if (this.#isOver) return;
        this.#isOver = true;
        this.#dispose().then(() => this.#reply({ type: 'body.disposed', at: this.#services.clock.now() }), this.#rethrow);
    }
  }

  /** The end, if it has not come already. */
  leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { agentId } = this.#context;
    const disposal = this.#dispose().catch((err: unknown) =>
      this.#services.log.warn({ agentId, err }, 'an agent failed to dispose of itself'),
    );
    this.#services.outliving(disposal);
  }

  /** In a transition of this actor, so that what the hook throws crashes it. */
  #mayFail(where: Pick<AgentFault, 'at' | 'leaseId'>): void {
    const { agentId, incarnation } = this.#context;
    try {
      this.#services.faults.agent?.({ agentId, incarnation, ...where });
    } catch (thrown) {
      this.leave();
      throw thrown;
    }
  }

  #run(work: () => Promise<unknown>, done: () => void): void {
    work().then(
      () => {
        if (!this.#isOver) done();
      },
      (thrown: unknown) => {
        if (!this.#isOver) this.#rethrow(thrown);
      },
    );
  }

  async #dispose(): Promise<void> {
    this.#abort.abort(new SwarmchartError('AGENT_UNREGISTERED', `A life of agent "${this.#context.agentId}" has ended`));
    try {
      await this.#hooks.dispose?.(this.#context);
    } finally {
      this.#secrets.release();
    }
  }
}
