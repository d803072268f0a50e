/** A file to run or to check: its text, and what to say when it cannot be used. */

import { readFile } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import type { Issue } from '../machines/protocol/errors.ts';
import { printIssue } from '../runtime/workflow/issues.ts';
import { UsageError } from './outcome.ts';

/** Throws UsageError. */
export async function readSource(file: string, cwd: string): Promise<string> {
  try {
    return await readFile(resolve(cwd, file), 'utf8');
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'that is a folder' : message;
    throw new UsageError('INVALID_INPUT', `${file}: ${reason}`, { cause: thrown });
  }
}

/** Every problem of a file, one a line. */
export function refusalOf(issues: readonly Issue[], file: string): UsageError {
  const message = issues.map((issue) => printIssue(issue, file)).join('\n');
  return new UsageError(issues.length === 1 ? (issues[0]?.code ?? 'WORKFLOW_INVALID') : 'WORKFLOW_INVALID', message, { issues });
}

/** For what has no id of its own. */
export const idFrom = (file: string): string => basename(file, extname(file)) || 'workflow';
