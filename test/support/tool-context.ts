import type { ToolContext } from 'swarmchart';

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
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    ...more,
  };
}
