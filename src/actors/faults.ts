/** Where a test or a demonstration may make things go wrong. Whatever a hook throws is thrown there, as if the code beneath it had. */

export interface ToolFault {
  readonly tool: string;
  readonly stepId: string;
  readonly executionId: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Aborted when the attempt is: by a cancel, a timeout, or because its agent was lost. */
  readonly signal: AbortSignal;
}

export interface AgentFault {
  readonly agentId: string;
  /** 1 for the agent's first life. */
  readonly incarnation: number;
  /** `starting`: before it is ready. `assigned`: a lease was given to it. `heartbeat`: it is asked whether it lives. */
  readonly at: 'starting' | 'assigned' | 'heartbeat';
  readonly leaseId?: string;
}

export interface FactFault {
  /** Of whoever records it: an execution, or `pool`. */
  readonly executionId: string;
  readonly type: string;
}

export interface FaultHooks {
  /** Thrown just before the tool is called: the attempt fails with it. May return a promise. */
  readonly tool?: (fault: ToolFault) => void | Promise<void>;
  /** Thrown inside the agent's actor: it crashes, and its supervisor acts. */
  readonly agent?: (fault: AgentFault) => void;
  /** Thrown where an actor is about to record a fact of its own: it crashes before it has, and its supervisor acts. */
  readonly fact?: (fault: FactFault) => void;
}
