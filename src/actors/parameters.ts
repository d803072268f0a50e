/** Checks a tool's parameters at its door, by its schema or its list of parameters. */

import { type Issue, SwarmchartError } from '../machines/protocol/errors.ts';
import type { Json } from '../machines/protocol/execution.ts';
import type { AnyTool, StandardSchema, ToolParameter } from './tool.ts';

type Parameters = Readonly<Record<string, Json>>;

/**
 * The input that the tool's `run` gets. Throws every problem at once: MISSING_PARAMETER, INVALID_PARAMETER_TYPE, UNKNOWN_KEY (a single
 * one keeps its code), or INVALID_PARAMETERS for several and for a schema's issues.
 *
 * Source: Implementation Guide, "Tool Registry Implementation".
 */
export async function checkedParameters(tool: AnyTool, parameters: Parameters): Promise<unknown> {
  const { input } = tool;
  if (input === undefined) return parameters;
  if (isParameterList(input)) {
    refuseIf(tool, listIssues(input, parameters));
    return parameters;
  }
  const result = await input['~standard'].validate(parameters);
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map(({ message, path = [] }): Issue => {
    const keys = path
      .map((part) => (typeof part === 'object' ? part.key : part))
      .map((key) => (typeof key === 'number' ? key : String(key)));
    return { code: 'INVALID_PARAMETERS', path: keys, message: keys.length === 0 ? message : `${keys.join('.')}: ${message}` };
  });
  refuseIf(tool, issues);
  return parameters;
}

const isParameterList = (input: StandardSchema | readonly ToolParameter[]): input is readonly ToolParameter[] => Array.isArray(input);

function listIssues(declared: readonly ToolParameter[], given: Parameters): Issue[] {
  const issues: Issue[] = [];
  for (const { name, type, required } of declared) {
    if (!Object.hasOwn(given, name)) {
      if (required) issues.push({ code: 'MISSING_PARAMETER', path: [name], message: `Parameter "${name}" (${type}) is missing` });
    } else if (typeOf(given[name]) !== type) {
      issues.push({
        code: 'INVALID_PARAMETER_TYPE',
        path: [name],
        message: `Parameter "${name}" must be ${type}, got ${typeOf(given[name])}`,
      });
    }
  }
  const names = new Set(declared.map(({ name }) => name));
  for (const key of Object.keys(given)) {
    if (!names.has(key)) issues.push({ code: 'UNKNOWN_KEY', path: [key], message: `Parameter "${key}" is not declared` });
  }
  return issues;
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isNaN(value) ? 'NaN' : typeof value;
}

function refuseIf(tool: AnyTool, issues: readonly Issue[]): void {
  const [first] = issues;
  if (!first) return;
  const code = issues.length === 1 ? first.code : 'INVALID_PARAMETERS';
  throw new SwarmchartError(code, `Tool "${tool.name}": ${issues.map(({ message }) => message).join('; ')}`, { issues });
}
