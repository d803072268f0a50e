import type { ToolContext } from 'swarmchart';
import { Blackboards } from '../../src/runtime/blackboard.ts';

/** What a tool is given when no runtime runs it. */
export function toolContext(more: Partial<ToolContext> = {}): ToolContext {
  const ignore = (): void => undefined;
  return {
    signal: new AbortController().signal,
    execution: { executionId: 'execution-1', swarmId: 'swarm-1', userId: 'user-1', timestamp: 0, correlationId: 'correlation-1' },
    stepId: 'step',
    attempt: 1,
    idempotencyKey: 'execution-1/step',
    checkpoint: async () => undefined,
    spend: ignore,
    blackboard: new Blackboards({ clock: { now: () => 0 }, record: () => undefined, isLive: () => false }).of('swarm-1'),
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    ...more,
  };
}
