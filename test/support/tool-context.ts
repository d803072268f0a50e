import type { ToolContext } from 'swarmchart';
import { Blackboards } from '../../src/runtime/blackboard.ts';
import { NO_SECRETS } from '../../src/runtime/secrets/secrets.ts';

/** What a tool is given when no runtime runs it. */
export function toolContext(more: Partial<ToolContext> = {}): ToolContext {
  const ignore = (): void => undefined;
  return {
    signal: new AbortController().signal,
    execution: { executionId: 'execution-1', swarmId: 'swarm-1', userId: 'user-1', timestamp: 0, correlationId: 'correlation-1' },
    stepId: 'step',
    attempt: 1,
    idempotencyKey: 'execution-1/step',
    secret: (name) => NO_SECRETS.get(name, new AbortController().signal),
    checkpoint: async () => undefined,
    spend: ignore,
    blackboard: new Blackboards({ clock: { now: () => 0 }, record: () => undefined, isLive: () => false, secrets: NO_SECRETS }).of(
      'swarm-1',
    ),
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    ...more,
  };
}
