/** A workflow file: read, checked against what exists, and one workflow of it chosen. */

import { readFile } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { SwarmchartError } from '../machines/protocol/errors.ts';
import { printIssue } from '../runtime/workflow/issues.ts';
import { type LoadedWorkflow, type LoadOptions, type LoadResult, loadWorkflows, selectWorkflow } from '../runtime/workflow/load.ts';
import { UsageError } from './outcome.ts';

/** Everything in the file, with every problem. Throws UsageError only when it cannot be read. */
export async function readWorkflowFile(
  file: string,
  cwd: string,
  options: Pick<LoadOptions, 'registry' | 'inputNames'>,
): Promise<LoadResult> {
  let text: string;
  try {
    text = await readFile(resolve(cwd, file), 'utf8');
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'that is a folder' : message;
    throw new UsageError('INVALID_INPUT', `${file}: ${reason}`, { cause: thrown });
  }
  return loadWorkflows(text, { ...options, fileName: file, defaultId: idFrom(file) });
}

/** The workflow to run. Throws UsageError with every problem of the file, or when the choice is not clear. */
export function chooseWorkflow({ workflows, issues }: LoadResult, file: string, name?: string): LoadedWorkflow {
  if (issues.length > 0) {
    const message = issues.map((issue) => printIssue(issue, file)).join('\n');
    throw new UsageError(issues.length === 1 ? (issues[0]?.code ?? 'WORKFLOW_INVALID') : 'WORKFLOW_INVALID', message, { issues });
  }
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

const idFrom = (file: string): string => basename(file, extname(file)) || 'workflow';
