/** Collecting problems: all of them, each with its place, as one error at the end. */

import { type ErrorCode, type Issue, SwarmchartError } from '../../machines/protocol/errors.ts';
import { WORKFLOW_LIMITS } from './limits.ts';

export type Path = readonly (string | number)[];

/** Where in a source text something stands, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** `steps[2].retry.maxRetries`; the root is `(root)`. */
export function printPath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text === '' ? '(root)' : text;
}

/** `file:line:col path message`, without what is not known. */
export function printIssue(issue: Issue, fileName?: string): string {
  const place = issue.line === undefined ? [] : [issue.line, issue.column ?? 1];
  const prefix = [...(fileName === undefined ? [] : [fileName]), ...place].join(':');
  return `${prefix === '' ? '' : `${prefix} `}${printPath(issue.path)} ${issue.message}`;
}

/** Keeps the first problems up to the limit and counts the rest. */
export class IssueList {
  readonly #issues: Issue[] = [];
  #dropped = 0;

  add(code: ErrorCode, path: Path, message: string, position?: Position): void {
    if (this.#issues.length >= WORKFLOW_LIMITS.issues) this.#dropped += 1;
    else this.#issues.push({ code, path, message, ...position });
  }

  get isEmpty(): boolean {
    return this.#issues.length === 0;
  }

  has(code: ErrorCode): boolean {
    return this.#issues.some((issue) => issue.code === code);
  }

  all(): readonly Issue[] {
    if (this.#dropped === 0) return this.#issues;
    return [...this.#issues, { code: 'LIMIT_EXCEEDED', path: [], message: `${this.#dropped} more problems are not listed.` }];
  }
}

/** One problem keeps its own code; several become one WORKFLOW_INVALID, or INVALID_INPUT when all are of the input. */
export function issuesToError(issues: readonly Issue[], fileName?: string): SwarmchartError {
  const [first] = issues;
  if (first !== undefined && issues.length === 1) return new SwarmchartError(first.code, printIssue(first, fileName), { issues });
  const list = issues.map((issue) => `  ${printIssue(issue, fileName)}`).join('\n');
  const code = issues.every((issue) => issue.code === 'INVALID_INPUT') ? 'INVALID_INPUT' : 'WORKFLOW_INVALID';
  return new SwarmchartError(code, `There are ${issues.length} problems:\n${list}`, { issues });
}
