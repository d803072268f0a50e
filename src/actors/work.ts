/** The kinds of work that a step can be, each through its door: strategy and tool, module operation, condition. */

import { blamesAgent } from '../machines/blame.ts';
import type { AgentSpec } from '../machines/protocol/agent.ts';
import { SwarmchartError } from '../machines/protocol/errors.ts';
import type { JsonObject } from '../machines/protocol/execution.ts';
import type { StepLease } from '../machines/protocol/plan.ts';
import type { StepJob } from '../machines/protocol/step.ts';
import { withSecrets } from './attempt-secrets.ts';
import { identityOf } from './failure.ts';
import { guarded, guardsOf } from './guarded.ts';
import { copyOf } from './json.ts';
import { checkedParameters } from './parameters.ts';
import type { WorkServices } from './services.ts';
import type { ToolContext } from './tool.ts';

export const nameOf = ({ work, stepId }: StepJob): string => {
  if (work.kind === 'tool') return `Tool "${work.tool}"`;
  return work.kind === 'condition' ? `The condition of step "${stepId}"` : `Operation "${work.module}.${work.operation}"`;
};

/**
 * The work gets a copy of the parameters: what it does to them is not seen by a retry, nor where they came from.
 *
 * @param left Its promise resolves when nobody waits for the work any more, if that has not ended by then.
 */
export async function doWork(job: StepJob, context: ToolContext, services: WorkServices, left: () => Promise<void>): Promise<unknown> {
  const { work } = job;
  switch (work.kind) {
    case 'tool': {
      const strategy = services.strategies.get(work.strategy);
      if (!strategy) throw new SwarmchartError('UNKNOWN_STRATEGY', `Step "${job.stepId}" names the unknown strategy "${work.strategy}"`);
      const tool = services.tools.get(work.tool);
      if (!tool) throw new SwarmchartError('TOOL_NOT_FOUND', `Step "${job.stepId}" names the unknown tool "${work.tool}"`);
      const parameters = copyOf(work.parameters);
      const call = (agent: AgentSpec | undefined, signal: AbortSignal) => {
        const own: ToolContext = { ...context, signal, ...(agent && { agent }) };
        const callWith = (given: JsonObject) =>
          guarded(services, guardsOf(tool), signal, async () => {
            const input = await checkedParameters(tool, given);
            await permission(own, services);
            await services.faults.tool?.({
              tool: tool.name,
              stepId: job.stepId,
              executionId: context.execution.executionId,
              attempt: context.attempt,
              signal,
            });
            return watched(job, context, services, () => tool.run(input as never, own));
          });
        const callTool = () => (work.secrets ? withSecrets(parameters, work.secrets, context.secret).then(callWith) : callWith(parameters));
        return strategy({ tool, parameters, callTool, signal, execution: context.execution, stepId: job.stepId });
      };
      if (!work.lease) return call(services.agents.actingFor(context.execution), context.signal);
      return underLease({ lease: work.lease, left }, context, services, call);
    }
    case 'module-operation': {
      const module = services.modules.get(work.module);
      if (!module) throw new SwarmchartError('MODULE_NOT_FOUND', `Step "${job.stepId}" names the unknown module "${work.module}"`);
      const operation = Object.hasOwn(module, work.operation) ? module[work.operation] : undefined;
      if (!operation) {
        throw new SwarmchartError(
          'OPERATION_NOT_FOUND',
          `Module "${work.module}" has no operation "${work.operation}" (step "${job.stepId}")`,
        );
      }
      const { parameters, secrets } = work;
      const given = secrets ? await withSecrets(parameters, secrets, context.secret) : copyOf(parameters);
      return guarded(services, [{ scope: 'module', key: work.module }], context.signal, async () => {
        await permission(context, services);
        return watched(job, context, services, () => operation(given, context));
      });
    }
    case 'condition':
      return watched(job, context, services, () => services.evaluate(work.condition, job.scope, context.signal));
  }
}

/** Code of the user's begins: should it never return, somebody can tell whose it is. */
function watched(job: StepJob, { execution }: ToolContext, { watch }: WorkServices, begin: () => unknown): unknown {
  if (!watch) return begin();
  return watch.around({ name: nameOf(job), stepId: job.stepId, executionId: execution.executionId }, begin);
}

/** How many agents may be lost under one attempt before it fails with what became of the last. */
const MOST_AGENTS = 3;

/**
 * Under a lease on a capable agent. When the agent is lost another one does the work anew, under the same idempotency key. A tool that does
 * not heed its signal keeps the agent no longer than its attempt lasts.
 */
async function underLease(
  { lease, left }: { readonly lease: StepLease; readonly left: () => Promise<void> },
  { execution, signal }: ToolContext,
  { agents }: WorkServices,
  call: (agent: AgentSpec, signal: AbortSignal) => Promise<unknown>,
): Promise<unknown> {
  for (let lost = 1; ; lost++) {
    const held = await agents.hold(lease, execution, signal);
    const verdict = (thrown?: unknown) => (isBlamed(signal.aborted ? signal.reason : thrown) ? 'failed' : undefined);
    void left().then(() => held.release(verdict()));
    try {
      const result = await call(held.spec, AbortSignal.any([signal, held.signal]));
      held.release(signal.aborted ? verdict() : 'succeeded');
      return result;
    } catch (thrown) {
      if (signal.aborted || !held.signal.aborted) {
        held.release(verdict(thrown));
        throw thrown;
      }
      if (lost >= MOST_AGENTS) throw held.signal.reason;
    } finally {
      held.release();
    }
  }
}

/** Whether a failure counts against the agent that did it. What is no error of ours is a plain failure of its work. */
const isBlamed = (thrown: unknown): boolean => {
  const error = identityOf(thrown);
  return !error || blamesAgent(error);
};

/**
 * The last look before an effect begins. A cancel is accepted before it has reached the work that it is for: in between nothing may begin,
 * and the abort that is under way is waited for.
 */
async function permission({ signal, execution }: ToolContext, { streams }: WorkServices): Promise<void> {
  signal.throwIfAborted();
  if (streams.mayAct(execution)) return;
  await new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
