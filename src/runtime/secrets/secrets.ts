/**
 * The secrets of one runtime: got by name when an attempt needs them, and known from then on, so that no text or fact shows their values.
 *
 * A secret that is a function is asked anew for every attempt. What it gave before is still kept out of everything.
 */

import { describe, errorClassOf, memberOf } from '../../actors/failure.ts';
import type { Secrets } from '../../actors/services.ts';
import { type Issue, SwarmchartError } from '../../machines/protocol/errors.ts';
import type { Json } from '../../machines/protocol/execution.ts';
import { isSecretName } from '../../machines/references.ts';
import { issuesToError } from '../workflow/issues.ts';
import type { SecretNames } from '../workflow/secret-references.ts';
import { didYouMean } from '../workflow/suggest.ts';
import { scrubAny, scrubJson } from './scrub.ts';
import { labelOf, SecretValues, SHORTEST_SECRET } from './values.ts';

export interface SecretRequest {
  readonly name: string;
  /** Aborted when nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/** Gives a secret's value, or `undefined` when there is none. Called for every attempt that needs it. */
export type SecretSource = (request: SecretRequest) => string | undefined | Promise<string | undefined>;

/** Secrets by name, each a text or a source of its own; or one source for all names. */
export type SecretsOption = Readonly<Record<string, string | SecretSource>> | SecretSource;

const LONGEST_SECRET = 65_536;
/** Values of one secret that are remembered, the latest ones and those in use. */
const MOST_VALUES = 100;

export interface RuntimeSecrets extends Secrets {
  readonly names: SecretNames;
  /** How often the last door has found a value that should not have come so far. */
  readonly caught: number;
  /** Before something is written down or published: itself, or a copy without the values, which is counted. */
  atLastDoor<T>(value: T): T;
}

/** Every problem of a runtime's secrets. The values are in no message. */
export function secretsIssues(option: unknown, root = 'secrets'): readonly Issue[] {
  if (typeof option === 'function') return [];
  if (typeof option !== 'object' || option === null || Array.isArray(option)) {
    return [{ code: 'INVALID_VALUE', path: [root], message: 'must be an object of secrets by name, or a function that gives them' }];
  }
  return Object.entries(option).flatMap(([name, source]: [string, unknown]): Issue[] => {
    const path = [root, name];
    const named = isSecretName(name)
      ? []
      : ['is no name of a secret: letters, digits, "_" and "-", at most 100, beginning with a letter or "_"'];
    const problem = typeof source === 'function' ? undefined : problemOf(name, source);
    const hint = source === undefined ? ': a function may have none, such as () => process.env.NAME' : '';
    return [...named, ...(problem === undefined ? [] : [`${problem}${hint}`])].map((message) => ({ code: 'INVALID_VALUE', path, message }));
  });
}

/** Throws INVALID_VALUE, or WORKFLOW_INVALID for several problems. */
export function secretsOf(option: SecretsOption | undefined): RuntimeSecrets {
  if (option === undefined) return NO_SECRETS;
  const issues = secretsIssues(option);
  if (issues.length > 0) throw issuesToError(issues);
  return new OwnSecrets(option);
}

function problemOf(name: string, value: unknown): string | undefined {
  if (typeof value !== 'string') return `must be a text, got ${value === null ? 'null' : typeof value}`;
  if (value.length < SHORTEST_SECRET) return `is shorter than ${SHORTEST_SECRET} characters: it could not be told from other text`;
  if (value.length > LONGEST_SECRET) return `is longer than ${LONGEST_SECRET} characters`;
  return labelOf(name).includes(value) || labelOf('?').includes(value)
    ? `is part of ${labelOf(name)}, which takes its place where it must not be seen`
    : undefined;
}

const notFound = (name: unknown, hint = ''): SwarmchartError =>
  new SwarmchartError('SECRET_NOT_FOUND', `There is no secret "${describe(name)}".${hint}`);

/** Of a runtime that was given none. */
export const NO_SECRETS: RuntimeSecrets = {
  names: { has: () => false, all: () => [] },
  caught: 0,
  get: (name) => Promise.reject(notFound(name)),
  hold: () => () => undefined,
  scrub: (value) => value,
  scrubAny: (value) => value,
  atLastDoor: (value) => value,
};

/** No name has a space in it. */
const heldAs = (name: string, value: string): string => `${name} ${value}`;

class OwnSecrets implements RuntimeSecrets {
  caught = 0;
  readonly names: SecretNames;
  readonly #source: (name: string) => string | SecretSource | undefined;
  readonly #values = new SecretValues();
  /** By name, the values that are known. */
  readonly #known = new Map<string, Set<string>>();
  /** Values in use, and by how many. */
  readonly #held = new Map<string, number>();

  constructor(option: SecretsOption) {
    const byName = typeof option === 'function' ? undefined : new Map(Object.entries(option));
    this.#source = typeof option === 'function' ? () => option : (name) => byName?.get(name);
    this.names = byName ? { has: (name) => byName.has(name), all: () => byName.keys() } : { has: () => true, all: () => [] };
    for (const [name, source] of byName ?? []) if (typeof source === 'string') this.#learn(name, source);
  }

  async get(name: string, signal: AbortSignal): Promise<string> {
    const source = isSecretName(name) ? this.#source(name) : undefined;
    if (source === undefined) throw notFound(name, typeof name === 'string' ? didYouMean(name, this.names.all()) : '');
    if (typeof source === 'string') return source;
    const value = await this.#ask(source, name, signal);
    if (value === undefined || value === null || value === '') {
      throw new SwarmchartError('SECRET_NOT_FOUND', `The secret "${name}" has no value`);
    }
    const problem = problemOf(name, value);
    if (problem !== undefined) throw new SwarmchartError('INVALID_VALUE', `The secret "${name}" ${problem}`);
    this.#learn(name, value as string);
    return value as string;
  }

  hold(name: string, value: string): () => void {
    this.#learn(name, value);
    const key = heldAs(name, value);
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
    return () => {
      const left = (this.#held.get(key) ?? 1) - 1;
      if (left > 0) this.#held.set(key, left);
      else this.#held.delete(key);
    };
  }

  scrub<T>(value: T): T {
    return scrubJson(this.#values, value as Json) as T;
  }

  scrubAny<T>(value: T): T {
    return scrubAny(this.#values, value) as T;
  }

  atLastDoor<T>(value: T): T {
    const scrubbed = this.scrub(value);
    if (scrubbed !== value) this.caught++;
    return scrubbed;
  }

  async #ask(source: SecretSource, name: string, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([source({ name, signal }), aborted.promise]);
    } catch (thrown) {
      signal.throwIfAborted();
      const why = describe(memberOf(thrown, 'message') ?? thrown);
      const details = { cause: thrown, errorClass: errorClassOf(thrown, () => undefined) };
      throw new SwarmchartError('EXECUTION_FAILED', `The secret "${name}" could not be got: ${why}`, details);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #learn(name: string, value: string): void {
    const known = this.#known.get(name) ?? new Set();
    this.#known.set(name, known);
    const isKnown = known.delete(value);
    // In the order in which they were given last: one that is still in use is not the oldest.
    known.add(value);
    if (isKnown) return;
    this.#values.add(name, value);
    for (const oldest of known) {
      if (known.size <= MOST_VALUES) return;
      if (this.#held.has(heldAs(name, oldest))) continue;
      known.delete(oldest);
      this.#values.delete(name, oldest);
    }
  }
}
