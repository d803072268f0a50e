/** The secrets of one attempt: each is got once, when it is needed, so that two references to it agree. */

import type { Json, JsonObject } from '../machines/protocol/execution.ts';
import type { SecretText } from '../machines/protocol/secrets.ts';
import { copyOf } from './json.ts';
import type { Secrets } from './services.ts';
import type { ToolContext } from './tool.ts';

/** What a context's `secret` does. */
export function secretsOfAttempt(secrets: Secrets, signal: AbortSignal): ToolContext['secret'] {
  const got = new Map<string, Promise<string>>();
  return (name) => {
    const known = got.get(name) ?? secrets.get(name, signal);
    // Whoever does not wait for it must not bring down the process when there is none.
    known.catch(() => undefined);
    got.set(name, known);
    return known;
  };
}

/** A copy of the parameters, with the values in the places that were meant for them. */
export async function withSecrets(
  parameters: JsonObject,
  texts: readonly SecretText[],
  secret: ToolContext['secret'],
): Promise<JsonObject> {
  const filled = { root: copyOf(parameters) as Json };
  for (const { path, parts } of texts) {
    const pieces = await Promise.all(parts.map(async (part) => (typeof part === 'string' ? part : secret(part.secret))));
    put(filled, ['root', ...path], pieces.join(''));
  }
  return filled.root as JsonObject;
}

/** Where a strategy has taken the place away there is nothing to put. */
function put(root: object, path: readonly string[], text: string): void {
  let place: unknown = root;
  for (const key of path.slice(0, -1)) place = isContainer(place) && Object.hasOwn(place, key) ? place[key] : undefined;
  const last = path.at(-1) ?? '';
  if (isContainer(place) && Object.hasOwn(place, last)) place[last] = text;
}

const isContainer = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
