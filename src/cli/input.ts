/** `--input`: values from `name=value` and `@file.json`, read by the types that a workflow or a swarm declares. */

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { typeOfJson } from '../machines/inputs.ts';
import type { Json, JsonObject } from '../machines/protocol/execution.ts';
import { resolveInput } from '../runtime/workflow/input.ts';
import type { InputDeclaration } from '../runtime/workflow/schema.ts';
import { oneLine, UsageError } from './outcome.ts';

type Declarations = Readonly<Record<string, InputDeclaration>>;

/** A value, or a text whose type the declaration decides. */
type Given = { readonly value: Json } | { readonly text: string };

/** Reads what was given, later ones over earlier ones. Throws UsageError. */
export async function readInputs(given: readonly string[], cwd: string): Promise<ReadonlyMap<string, Given>> {
  const inputs = new Map<string, Given>();
  for (const text of given) {
    if (text.startsWith('@')) {
      for (const [name, value] of Object.entries(await readInputFile(text.slice(1), cwd))) inputs.set(name, { value });
      continue;
    }
    const end = text.indexOf('=');
    if (end < 1) throw new UsageError('INVALID_INPUT', `--input ${oneLine(text)}: give name=value, or @file.json`);
    inputs.set(text.slice(0, end), { text: text.slice(end + 1) });
  }
  return inputs;
}

/** What was given, typed as it is declared. */
export const typedValues = (given: ReadonlyMap<string, Given>, declared: Declarations | undefined): JsonObject =>
  Object.fromEntries(
    [...given].map(([name, item]) => {
      const type = declared && Object.hasOwn(declared, name) ? declared[name]?.type : undefined;
      return [name, 'value' in item ? item.value : readAs(type ?? 'string', item.text)];
    }),
  );

/** Types the values and fills in defaults. Throws UsageError with every problem. */
export function typedInput(
  given: ReadonlyMap<string, Given>,
  declared: Declarations | undefined,
  kind: 'workflow' | 'swarm' = 'workflow',
): JsonObject {
  const { input, issues } = resolveInput(declared, typedValues(given, declared), { noun: 'input', taker: kind });
  if (issues.length === 0) return input;
  const list = issues.map(({ message }) => `\n  ${message}`).join('');
  throw new UsageError('INVALID_INPUT', `The input does not fit the ${kind}:${list}`, { issues, hint: describeInputs(kind, declared) });
}

/** A text that does not read as the type stays a text: the check of the input then names the problem. */
function readAs(type: InputDeclaration['type'], text: string): Json {
  if (type === 'string') return text;
  const value = parseJson(text);
  return value !== undefined && (value === null || typeOfJson(value) === type) ? value : text;
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

async function readInputFile(name: string, cwd: string): Promise<JsonObject> {
  let text: string;
  try {
    text = await readFile(resolve(cwd, name), 'utf8');
  } catch (thrown) {
    throw new UsageError('INVALID_INPUT', `--input @${name}: ${(thrown as Error).message}`, { cause: thrown });
  }
  const value = parseJson(text.replace(/^\uFEFF/, ''));
  if (value === undefined || typeOfJson(value) !== 'object') {
    throw new UsageError('INVALID_INPUT', `--input @${name}: the file holds no JSON object`);
  }
  return value as JsonObject;
}

function describeInputs(kind: string, declared: Declarations = {}): string {
  const list = Object.entries(declared).map(
    ([name, { type, default: fallback }]) => `${name} (${type}${fallback === undefined ? '' : `, else ${JSON.stringify(fallback)}`})`,
  );
  return list.length === 0 ? `this ${kind} takes no input` : `this ${kind} takes ${list.join(', ')}: --input name=value`;
}
