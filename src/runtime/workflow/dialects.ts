/**
 * Brings the dialects of the source documents to the canonical form.
 *
 * Sources: CoreOrchestrator, "Workflow Definition Language" (kebab case, `error-handling`, `thenStep`); Implementation Guide,
 * "RunStateMachine Core Implementation" (`toolName`, a list of dependencies); Basir L3, "Workflow Templates" (`tasks`, `action`).
 * What it does not know it leaves as it is, for the checks to refuse.
 */

import type { Json } from '../../machines/protocol/execution.ts';
import type { IssueList, Path } from './issues.ts';
import { isObject, Origins, type RawObject } from './origins.ts';
import { CANONICAL_KEYS, STEP_SHAPES } from './shapes.ts';

const OTHER_NAMES: Readonly<Record<string, string>> = { timeoutMs: 'timeout', memoryMb: 'memoryMB' };
const WORKFLOW_NAMES = { ...OTHER_NAMES, tasks: 'steps', retryPolicy: 'retry', fallbackActions: 'fallbacks' };
const STEP_NAMES = {
  ...OTHER_NAMES,
  toolName: 'tool',
  action: 'tool',
  retryPolicy: 'retry',
  fallbackActions: 'fallbacks',
  thenStep: 'then',
  elseStep: 'else',
  conditions: 'when',
  tasks: 'steps',
};
const RETRY_NAMES = { backoffStrategy: 'backoff' };
const FALLBACK_NAMES = { condition: 'on' };
const OPERATORS: Readonly<Record<string, string>> = { '==': 'eq', '!=': 'ne', '>': 'gt', '>=': 'gte', '<': 'lt', '<=': 'lte' };

type Moved = Map<string, Path>;

export class Importer {
  readonly origins = new Origins();
  readonly #issues: IssueList;

  constructor(issues: IssueList) {
    this.#issues = issues;
  }

  workflow(raw: RawObject, path: Path): RawObject {
    const { errorHandling, 'error-handling': kebabErrorHandling, $schema: _, ...rest } = raw;
    const handlingKey = errorHandling === undefined ? 'error-handling' : 'errorHandling';
    const handling = errorHandling ?? kebabErrorHandling;
    const moved: Moved = new Map();
    const renamed = this.#rename(rest, path, WORKFLOW_NAMES, moved);
    if (isObject(handling)) {
      const inner: Moved = new Map();
      for (const [key, value] of Object.entries(this.#rename(handling, [...path, handlingKey], WORKFLOW_NAMES, inner))) {
        const place = [handlingKey, ...(inner.get(key) ?? [key])];
        this.#put(renamed, key, value, place, moved, path);
      }
    } else if (handling !== undefined) renamed[handlingKey] = handling;
    this.#rewrite(renamed, moved, path, 'steps', (value, at) => this.#stepList(value, at));
    this.#rewritePolicies(renamed, moved, path);
    this.#rewrite(renamed, moved, path, 'dependencies', (value, at) =>
      this.#list(value, at, (item, itemAt) => this.#dependency(item, itemAt)),
    );
    return this.origins.note(renamed, path, moved);
  }

  #step(raw: Json, path: Path): Json {
    if (!isObject(raw)) return raw;
    const moved: Moved = new Map();
    const step = this.#rename(raw, path, STEP_NAMES, moved);
    const hasFreeTypeTag = Object.hasOwn(raw, 'action') && typeof step['type'] === 'string' && !Object.hasOwn(STEP_SHAPES, step['type']);
    if (hasFreeTypeTag) delete step['type'];
    const strategy = step['strategy'];
    if (typeof strategy === 'string' && /^[A-Z_]+$/.test(strategy)) step['strategy'] = strategy.toLowerCase();
    this.#rewritePolicies(step, moved, path);
    this.#rewrite(step, moved, path, 'when', (value, at) => this.#conditionList(value, at));
    this.#rewrite(step, moved, path, 'condition', (value, at) => this.#condition(value, at));
    // A wait step has a moment under that name.
    if (step['type'] === 'loop') this.#rewrite(step, moved, path, 'until', (value, at) => this.#condition(value, at));
    this.#rewrite(step, moved, path, 'compensate', (value, at) => this.#compensation(value, at));
    this.#rewrite(step, moved, path, 'workflow', (value, at) => (isObject(value) ? this.workflow(value, at) : value));
    for (const key of ['steps', 'then', 'else']) this.#rewrite(step, moved, path, key, (value, at) => this.#stepList(value, at));
    return this.origins.note(step, path, moved);
  }

  #rewritePolicies(target: Record<string, Json>, moved: Moved, path: Path): void {
    const { retries } = target;
    if (retries !== undefined) {
      delete target['retries'];
      this.#put(target, 'retry', retries, ['retries'], moved, path);
    }
    this.#rewrite(target, moved, path, 'retry', (value, at) => this.#retry(value, at));
    this.#rewrite(target, moved, path, 'fallbacks', (value, at) => this.#list(value, at, (item, itemAt) => this.#fallback(item, itemAt)));
  }

  #retry(value: Json, path: Path): Json {
    if (typeof value === 'number') return this.origins.note({ maxRetries: value }, path, new Map([['maxRetries', []]]));
    if (!isObject(value)) return value;
    const moved: Moved = new Map();
    const retry = this.#rename(value, path, RETRY_NAMES, moved);
    this.#rewrite(retry, moved, path, 'backoff', (backoff, at) => {
      if (isObject(backoff)) return this.#renamed(backoff, at, {});
      return this.origins.note({ strategy: backoff }, at, new Map([['strategy', []]]));
    });
    return this.origins.note(retry, path, moved);
  }

  #compensation(value: Json, path: Path): Json {
    if (!isObject(value)) return value;
    const moved: Moved = new Map();
    const compensation = this.#rename(value, path, STEP_NAMES, moved);
    this.#rewritePolicies(compensation, moved, path);
    return this.origins.note(compensation, path, moved);
  }

  #fallback(value: Json, path: Path): Json {
    return isObject(value) ? this.#renamed(value, path, FALLBACK_NAMES) : value;
  }

  #conditionList(value: Json, path: Path): Json {
    const items = Array.isArray(value) ? value : [value];
    const isWrapped = !Array.isArray(value);
    const list = items.map((item: Json, index) => this.#condition(item, isWrapped ? path : [...path, index]));
    return this.origins.note(list, path, isWrapped ? new Map([['0', []]]) : new Map());
  }

  #condition(value: Json, path: Path): Json {
    if (typeof value === 'string') {
      return this.origins.note({ type: 'expression', expression: value }, path, new Map([['expression', []]]));
    }
    if (!isObject(value)) return value;
    const moved: Moved = new Map();
    const condition = this.#rename(value, path, {}, moved);
    const operator = condition['operator'];
    if (typeof operator === 'string') condition['operator'] = OPERATORS[operator] ?? operator;
    return this.origins.note(condition, path, moved);
  }

  /** `{step, dependsOn}`, `{stepId, dependsOn}`, or an edge `{from, to}`: `to` waits for `from`. */
  #dependency(value: Json, path: Path): Json {
    if (!isObject(value)) return value;
    const { from, to, ...others } = value;
    if (from !== undefined && to !== undefined) {
      const places: Moved = new Map([
        ['step', ['to']],
        ['dependsOn', ['from']],
      ]);
      return this.origins.note({ ...others, step: to, dependsOn: from }, path, places);
    }
    return this.#renamed(value, path, { stepId: 'step' });
  }

  #stepList(value: Json, path: Path): Json {
    if (Array.isArray(value)) return this.#list(value, path, (item, at) => this.#step(item, at));
    return isObject(value) ? this.origins.note([this.#step(value, path)], path, new Map([['0', []]])) : value;
  }

  #list(value: Json, path: Path, each: (item: Json, path: Path) => Json): Json {
    if (!Array.isArray(value)) return value;
    return this.origins.note(
      value.map((item: Json, index) => each(item, [...path, index])),
      path,
    );
  }

  #rewrite(target: Record<string, Json>, moved: Moved, path: Path, key: string, how: (value: Json, at: Path) => Json): void {
    const value = target[key];
    if (value !== undefined) target[key] = how(value, [...path, ...(moved.get(key) ?? [key])]);
  }

  #renamed(raw: RawObject, path: Path, names: Readonly<Record<string, string>>): RawObject {
    const moved: Moved = new Map();
    return this.origins.note(this.#rename(raw, path, names, moved), path, moved);
  }

  #rename(raw: RawObject, path: Path, names: Readonly<Record<string, string>>, moved: Moved): Record<string, Json> {
    const target: Record<string, Json> = {};
    for (const [key, value] of Object.entries(raw)) {
      const camel = key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
      const known = Object.hasOwn(names, camel) ? names[camel] : CANONICAL_KEYS.has(camel) ? camel : key;
      this.#put(target, known ?? key, value, [key], moved, path);
    }
    return target;
  }

  #put(target: Record<string, Json>, key: string, value: Json, place: Path, moved: Moved, path: Path): void {
    if (Object.hasOwn(target, key)) {
      const other = (moved.get(key) ?? [key]).join('.');
      this.#issues.add('INVALID_VALUE', [...path, ...place], `"${place.join('.')}" says the same as "${other}": give one of them.`);
      return;
    }
    target[key] = value;
    if (place.length !== 1 || place[0] !== key) moved.set(key, place);
  }
}
