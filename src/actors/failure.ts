/** From whatever user code threw to a failure as data. Nothing that was thrown is trusted: looking at it may throw as well. */

import { ERROR_CLASSES, type ErrorClass, type ErrorCode, executionError, SwarmchartError } from '../machines/protocol/errors.ts';
import type { ExecutionError, JsonObject, Tier } from '../machines/protocol/execution.ts';
import { signsOf } from './error-class.ts';
import { toJson } from './json.ts';
import { memberOf, safely } from './reading.ts';

export { memberOf } from './reading.ts';

const MAX_TEXT_LENGTH = 10_000;
const MAX_CONTEXT_BYTES = 100_000;
const MAX_DESCRIBED_MEMBERS = 1_000;
const KNOWN_CLASSES: ReadonlySet<unknown> = new Set(Object.values(ERROR_CLASSES));

type Classify = (error: unknown) => ErrorClass | undefined;

/**
 * Wraps anything thrown. A SwarmchartError keeps its code and class; any other value is EXECUTION_FAILED, of the class that `classify` says,
 * else of the one that it shows by itself (error-class.ts), else transient; what it shows of an HTTP status or a system's code is its context.
 * Never throws; long texts are cut, and a context that is not JSON is replaced by the reason.
 *
 * Source: Implementation Guide, "Error Handling Strategy".
 */
export function wrapTierError(thrown: unknown, tier: Tier, classify: Classify = () => undefined): ExecutionError {
  const said = saidOf(thrown, classify);
  const identity = identityOf(thrown);
  if (identity) {
    const more = { errorClass: said ?? identity.errorClass, ...causeOf(memberOf(thrown, 'cause')), ...contextOf(thrown) };
    return executionError(identity.code, textIn(thrown, 'message'), tier, more);
  }
  const message = isError(thrown) ? textIn(thrown, 'message') : `Threw ${describe(thrown)}, which is not an Error`;
  const { errorClass = 'transient', ...shown } = signsOf(thrown);
  const more = { errorClass: said ?? errorClass, ...causeOf(thrown), ...(Object.keys(shown).length > 0 && { context: shown }) };
  return executionError('EXECUTION_FAILED', message, tier, more);
}

/** The class with which `wrapTierError` would wrap it. Never throws. */
export const errorClassOf = (thrown: unknown, classify: Classify): ErrorClass =>
  saidOf(thrown, classify) ?? identityOf(thrown)?.errorClass ?? signsOf(thrown).errorClass ?? 'transient';

/** Code and class of a SwarmchartError, also of one from another copy of this package; undefined for anything else. Never throws. */
export function identityOf(thrown: unknown): { readonly code: ErrorCode; readonly errorClass: ErrorClass } | undefined {
  if (memberOf(thrown, 'name') !== 'SwarmchartError' && !isSwarmchartError(thrown)) return undefined;
  const code = memberOf(thrown, 'code');
  if (typeof code !== 'string' || !isCode(code)) return undefined;
  const errorClass = memberOf(thrown, 'errorClass');
  return { code, errorClass: isClass(errorClass) ? errorClass : ERROR_CLASSES[code] };
}

/** A text for any value at all, cut when it is long. Never throws. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return clipped(value);
  try {
    let members = 0;
    const text = JSON.stringify(value, (_, member: unknown) => {
      if (++members > MAX_DESCRIBED_MEMBERS) throw new RangeError('too much to describe');
      return typeof member === 'string' ? clipped(member) : member;
    });
    return clipped(text ?? String(value));
  } catch {
    return tagOf(value);
  }
}

/** A user's classifier must not decide over life and death of the runtime: if it throws or answers rubbish, it has said nothing. */
function saidOf(thrown: unknown, classify: Classify): ErrorClass | undefined {
  try {
    const said: unknown = classify(thrown);
    if (isClass(said)) return said;
    if (said instanceof Promise) said.catch(() => undefined);
  } catch {
    return undefined;
  }
  return undefined;
}

function causeOf(thrown: unknown): { readonly cause?: Cause } {
  return thrown === undefined ? {} : { cause: asCause(thrown) };
}

interface Cause {
  readonly name: string;
  readonly message: string;
}

/** Anything thrown, as the cause of an error. Never throws. */
export const asCause = (thrown: unknown): Cause =>
  isError(thrown)
    ? { name: textIn(thrown, 'name'), message: textIn(thrown, 'message') }
    : { name: typeof thrown, message: describe(thrown) };

function contextOf(thrown: unknown): { readonly context?: JsonObject } {
  const given = memberOf(thrown, 'context');
  if (!given) return {};
  try {
    const context = toJson(given, 'The context of an error', MAX_CONTEXT_BYTES);
    const isObject = typeof context === 'object' && context !== null && !Array.isArray(context);
    return { context: isObject ? (context as JsonObject) : { value: context } };
  } catch (refused) {
    return { context: { omitted: textIn(refused, 'message') } };
  }
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_CLASSES, code);
const isClass = (value: unknown): value is ErrorClass => KNOWN_CLASSES.has(value);
const isError = (value: unknown): boolean => safely(() => value instanceof Error) === true;

/** Of this copy of the package, so that all its members are there. Never throws. */
export const isSwarmchartError = (value: unknown): value is SwarmchartError => safely(() => value instanceof SwarmchartError) === true;

function textIn(error: unknown, key: 'name' | 'message'): string {
  const text = memberOf(error, key);
  return text === undefined ? `(its ${key} cannot be read)` : describe(text);
}

const tagOf = (value: unknown): string =>
  safely(() => clipped(Object.prototype.toString.call(value))) ?? `(${typeof value} that cannot be looked at)`;

/** The detour over JSON makes a copy: a mere slice would keep the whole text in memory. */
const clipped = (text: string): string =>
  text.length <= MAX_TEXT_LENGTH ? text : `${JSON.parse(JSON.stringify(text.slice(0, MAX_TEXT_LENGTH - 1))) as string}…`;
