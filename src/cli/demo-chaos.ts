/**
 * What `swarmchart demo --chaos` makes go wrong, always at the same points: the agent that looks for coupling crashes, once, when its first
 * step is committed and its second is about to begin; and the first two attempts at ownership fail.
 */

import type { FaultHooks, ToolFault } from '../actors/faults.ts';
import type { Runtime } from '../create-runtime.ts';
import type { PoolFact } from '../machines/protocol/agent.ts';
import type { RunFact } from '../machines/protocol/run.ts';

const FAILING = { tool: 'repo.ownership', attempts: 2 } as const;
const CRASHING = { tool: 'repo.coupling', after: 'hotspots' } as const;

export class Chaos {
  readonly faults: FaultHooks = {
    tool: (fault) => this.#strike(fault),
    // Faults of agents are thrown in their bodies, which they have where such a hook is given.
    agent: () => {},
  };
  /** The pool's name of the agent that has a lease, by the lease's task. */
  readonly #agents = new Map<string, string>();
  readonly #isCommitted = Promise.withResolvers<void>();
  #crash: (agentId: string) => boolean = () => false;
  #hasCrashed = false;

  attach(runtime: Runtime): void {
    this.#crash = (agentId) => runtime.agents.crash(agentId, new Error('killed by --chaos'));
    runtime.events.subscribe('agent/leased', (fact) => {
      const { leaseId, agentId } = fact.payload as Extract<PoolFact, { type: 'agent/leased' }>['payload'];
      this.#agents.set(leaseId.slice(0, leaseId.lastIndexOf('#')), agentId);
    });
    runtime.events.subscribe('tier2/step/completed', (fact) => {
      const { stepId } = fact.payload as Extract<RunFact, { type: 'tier2/step/completed' }>['payload'];
      if (stepId === CRASHING.after) this.#isCommitted.resolve();
    });
    // Whoever cancels must not wait for a step that will never be committed.
    for (const end of ['cancelling', 'failing']) runtime.events.subscribe(`tier1/swarm/${end}`, () => this.#giveUp());
  }

  #giveUp(): void {
    this.#crash = () => false;
    this.#isCommitted.resolve();
  }

  async #strike({ tool, attempt, executionId }: ToolFault): Promise<void> {
    if (tool === FAILING.tool && attempt <= FAILING.attempts) throw new Error('made to fail by --chaos');
    if (tool !== CRASHING.tool || this.#hasCrashed) return;
    this.#hasCrashed = true;
    await this.#isCommitted.promise;
    const [swarm = '', task = ''] = executionId.split('/');
    const agentId = this.#agents.get(`${swarm}/${task}`);
    // The step dies with its agent, and is aborted while it waits here.
    if (agentId !== undefined && this.#crash(agentId)) await new Promise(() => {});
  }
}
