/** A workflow file: checked against what exists, and one workflow of it chosen. */

import { SwarmchartError } from '../machines/protocol/errors.ts';
import { type LoadedWorkflow, type LoadOptions, type LoadResult, loadWorkflows, selectWorkflow } from '../runtime/workflow/load.ts';
import { UsageError } from './outcome.ts';
import { idFrom, refusalOf } from './source-file.ts';

/** Everything in the file, with every problem. */
export const readWorkflows = (text: string, file: string, options: Pick<LoadOptions, 'registry' | 'inputNames'>): LoadResult =>
  loadWorkflows(text, { ...options, fileName: file, defaultId: idFrom(file) });

/** The workflow to run. Throws UsageError with every problem of the file, or when the choice is not clear. */
export function chooseWorkflow({ workflows, issues }: LoadResult, file: string, name?: string): LoadedWorkflow {
  if (issues.length > 0) throw refusalOf(issues, file);
  try {
    return selectWorkflow(workflows, name);
  } catch (thrown) {
    if (!(thrown instanceof SwarmchartError)) throw thrown;
    throw new UsageError(thrown.code, `${file}: ${thrown.message}`, {
      cause: thrown,
      ...(name === undefined && workflows.length > 1 && { hint: 'choose with --workflow NAME' }),
    });
  }
}
