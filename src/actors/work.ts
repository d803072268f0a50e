/** The kinds of work that a step can be, each through its door: strategy and tool, module operation, condition. */

import { SwarmchartError } from '../machines/protocol/errors.ts';
import type { StepJob } from '../machines/protocol/step.ts';
import { checkedParameters } from './parameters.ts';
import type { WorkServices } from './services.ts';
import type { AnyTool, ToolContext } from './tool.ts';

export const nameOf = ({ work, stepId }: StepJob): string => {
  if (work.kind === 'tool') return `Tool "${work.tool}"`;
  return work.kind === 'condition' ? `The condition of step "${stepId}"` : `Operation "${work.module}.${work.operation}"`;
};

export async function doWork(job: StepJob, context: ToolContext, services: WorkServices): Promise<unknown> {
  const { work } = job;
  switch (work.kind) {
    case 'tool': {
      const strategy = services.strategies.get(work.strategy);
      if (!strategy) throw new SwarmchartError('UNKNOWN_STRATEGY', `Step "${job.stepId}" names the unknown strategy "${work.strategy}"`);
      const tool = services.tools.get(work.tool);
      if (!tool) throw new SwarmchartError('TOOL_NOT_FOUND', `Step "${job.stepId}" names the unknown tool "${work.tool}"`);
      const { parameters } = work;
      const callTool = () =>
        guarded(tool, context.signal, services, async () => tool.run((await checkedParameters(tool, parameters)) as never, context));
      return strategy({ tool, parameters, callTool, signal: context.signal, execution: context.execution, stepId: job.stepId });
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
      return operation(work.parameters, context);
    }
    case 'condition':
      return services.evaluate(work.condition, job.scope, context.signal);
  }
}

/** Through the tool's circuit breaker. Cancelled calls and invalid input say nothing about the tool; a timeout does. */
async function guarded(tool: AnyTool, signal: AbortSignal, { breakers }: WorkServices, call: () => Promise<unknown>): Promise<unknown> {
  if (tool.breaker === false) return call();
  const permit = breakers.acquire(tool);
  if (!permit) throw new SwarmchartError('CIRCUIT_OPEN', `The circuit breaker of tool "${tool.name}" is open`);
  const onAbort = () => (codeOf(signal.reason) === 'STEP_TIMEOUT' ? permit.failed() : permit.released());
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const result = await call();
    permit.succeeded();
    return result;
  } catch (thrown) {
    if (thrown instanceof SwarmchartError && thrown.errorClass === 'validation') permit.released();
    else permit.failed();
    throw thrown;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

const codeOf = (reason: unknown) => (reason instanceof SwarmchartError ? reason.code : undefined);
