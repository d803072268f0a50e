/** The runtime as its users get it: defaults, and facts in memory unless a journal is given. Validation of the workflow is not measured. */

import { createRuntime, type Journal } from '../src/index.ts';
import type { Shape, Subject } from './subject.ts';

const workflowOf = ({ order, steps }: Shape) => ({
  id: 'bench',
  steps: Array.from({ length: steps }, (_, index) => ({
    id: `step-${index}`,
    tool: 'noop',
    parameters: {},
    ...(order === 'chain' && index > 0 && { dependencies: [`step-${index - 1}`] }),
  })),
});

/** @param newJournal Makes the journal of a sample. */
export const swarmchartOn = (name: string, newJournal?: () => Journal): Subject => ({
  name,
  async prepare(shape) {
    const runtime = await createRuntime({ tools: [{ name: 'noop', run: () => null }], ...(newJournal && { journal: newJournal() }) });
    const workflow = runtime.createWorkflow(workflowOf(shape));
    const allocation = { maxConcurrentSteps: shape.steps };
    return {
      async work() {
        const handles = Array.from({ length: shape.runs }, () => runtime.run(workflow, { allocation }));
        for (const result of await Promise.all(handles.map((handle) => handle.result()))) {
          if (!result.success) throw new Error(`The run failed: ${result.error?.message}`);
        }
      },
      end: () => runtime.stop(),
    };
  },
});

export const swarmchart = swarmchartOn('Swarmchart');
