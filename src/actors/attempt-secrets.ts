/**
 * The secrets of one attempt: each is got once, when it is needed, so that two references to it agree, and stays known as a secret until the
 * attempt is over, however many values others get meanwhile.
 */

import type { Json, JsonObject } from '../machines/protocol/execution.ts';
import type { SecretText } from '../machines/protocol/secrets.ts';
import { copyOf } from './json.ts';
import type { Secrets } from './services.ts';
import type { ToolContext } from './tool.ts';

export class AttemptSecrets {
  readonly #secrets: Secrets;
  readonly #signal: AbortSignal;
  readonly #got = new Map<string, Promise<string>>();
  readonly #held: (() => void)[] = [];
  #isOver = false;

  constructor(secrets: Secrets, signal: AbortSignal) {
    this.#secrets = secrets;
    this.#signal = signal;
  }

  /** What a context's `secret` does. */
  readonly get: ToolContext['secret'] = (name) => {
    const known = this.#got.get(name) ?? this.#ask(name);
    // Whoever does not wait for it must not bring down the process when there is none.
    known.catch(() => undefined);
    this.#got.set(name, known);
    return known;
  };

  /** Nobody uses them any more. */
  release(): void {
    this.#isOver = true;
    for (const release of this.#held.splice(0)) release();
  }

  async #ask(name: string): Promise<string> {
    const value = await this.#secrets.get(name, this.#signal);
    if (!this.#isOver) this.#held.push(this.#secrets.hold(name, value));
    return value;
  }
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
