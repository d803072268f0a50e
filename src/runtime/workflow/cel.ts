/**
 * The gate around CEL: only `input` and `steps` exist, and what an expression may cost is bounded before it runs.
 *
 * Bounded by construction: source length, nodes and depth; at most four macros and none within another; no `bind` (nested, it
 * doubles a list each time); no backtracking regular expressions (`like` is RE2). Numbers from JSON are doubles and mix with CEL's
 * integers: `n > 1`, `n > 1.0` and `n + 1 == 2` all work. A condition yields a boolean or fails; no BigInt leaves this file.
 */

import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import type { JsonObject } from '../../machines/protocol/execution.ts';
import type { ConditionScope } from '../../machines/protocol/step.ts';
import { readPath } from '../../machines/references.ts';
import { weigh } from './weigh.ts';

export const CEL_LIMITS = { source: 2_000, nodes: 500, depth: 24, macros: 4, pattern: 200, matchedText: 10_000, work: 10_000_000 } as const;

const MACROS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
const STEP_FIELDS: ReadonlySet<string> = new Set(['status', 'result', 'error']);

export interface CelExpression {
  /** Ids of the steps that it reads. */
  readonly steps: readonly string[];
  /** Names of the inputs that it reads, as far as it names them. */
  readonly inputs: readonly string[];
  /** Throws when it cannot be evaluated or does not yield a boolean. */
  evaluate(scope: ConditionScope): boolean;
}

export class CelRefused extends Error {
  override readonly name = 'CelRefused';
  readonly isLimit: boolean;

  constructor(message: string, isLimit = false) {
    super(message);
    this.isLimit = isLimit;
  }
}

const environment = createEnvironment();
const compiled = new Map<string, CelExpression>();
const MAX_COMPILED = 1_000;

/** Compiles an expression, or throws a CelRefused that says why not. */
export function compileCel(source: string): CelExpression {
  const known = compiled.get(source);
  if (known) return known;
  if (source.length > CEL_LIMITS.source) throw new CelRefused(`The expression is longer than ${CEL_LIMITS.source} characters.`, true);
  const program = parse(source);
  const reads = inspect(program.ast);
  const { valid, type, error } = program.check();
  if (!valid) throw new CelRefused(summaryOf(error));
  if (type !== 'bool' && type !== 'dyn') throw new CelRefused(`A condition must be true or false; this is ${type ?? 'unknown'}.`);
  const expression: CelExpression = {
    steps: [...reads.steps],
    inputs: [...reads.inputs],
    evaluate(scope) {
      refuseTooMuchWork(reads, scope);
      const value: unknown = program(scope);
      if (typeof value !== 'boolean') throw new CelRefused(`A condition must be true or false; this yielded ${typeof value}.`);
      return value;
    },
  };
  if (compiled.size >= MAX_COMPILED) compiled.clear();
  compiled.set(source, expression);
  return expression;
}

function parse(source: string): ReturnType<Environment['parse']> {
  try {
    return environment.parse(source);
  } catch (error) {
    throw new CelRefused(summaryOf(error), error instanceof Error && 'code' in error && String(error.code).includes('limit'));
  }
}

/** What the library says, without its drawing of the source. */
function summaryOf(error: unknown): string {
  const summary = error instanceof Error && 'summary' in error ? String(error.summary) : String(error);
  const range = error instanceof Error && 'range' in error ? (error.range as { readonly start?: number } | undefined) : undefined;
  return range?.start === undefined ? `${summary}.` : `${summary} (at character ${range.start + 1}).`;
}

function createEnvironment(): Environment {
  const limits = {
    maxAstNodes: CEL_LIMITS.nodes,
    maxDepth: CEL_LIMITS.depth,
    maxListElements: 100,
    maxMapEntries: 50,
    maxCallArguments: 8,
  };
  const result = new Environment({ limits })
    .registerVariable('input', 'map<string, dyn>')
    .registerVariable('steps', 'map<string, map<string, dyn>>')
    .registerFunction('string.like(string): bool', like);
  const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
    '%': (a, b) => a % b,
  };
  for (const [operator, compute] of Object.entries(arithmetic)) {
    const mixed = (a: unknown, b: unknown): number => compute(Number(a), Number(b));
    result.registerOperator(`int ${operator} double: double`, mixed).registerOperator(`double ${operator} int: double`, mixed);
  }
  return result.registerOperator('double % double: double', (a: number, b: number) => a % b);
}

let lastPattern: { readonly source: string; readonly regex: RE2JS } | undefined;

function like(text: string, pattern: string): boolean {
  if (pattern.length > CEL_LIMITS.pattern)
    throw new CelRefused(`The pattern of like() is longer than ${CEL_LIMITS.pattern} characters.`, true);
  if (lastPattern?.source !== pattern) lastPattern = { source: pattern, regex: RE2JS.compile(pattern) };
  return lastPattern.regex.matcher(text.slice(0, CEL_LIMITS.matchedText)).find();
}

interface Reads {
  readonly steps: Set<string>;
  readonly inputs: Set<string>;
  /** Access paths read once, and those read for each element of a macro's list. */
  readonly once: (readonly string[])[];
  readonly perElement: (readonly string[])[];
  macros: number;
  weightOfElement: number;
}

/** Matching costs that much more than comparing. */
const LIKE_WEIGHT = 100;

function inspect(ast: ASTNode): Reads {
  const reads: Reads = { steps: new Set(), inputs: new Set(), once: [], perElement: [], macros: 0, weightOfElement: 1 };
  visit(ast, reads, false);
  return reads;
}

function visit(node: ASTNode, reads: Reads, isInMacro: boolean): void {
  const path = accessPath(node);
  if (path) {
    noteAccess(path, reads, isInMacro);
    return;
  }
  if (node.op === 'rcall') {
    const [name, receiver, args] = node.args;
    if (name === 'matches') throw new CelRefused('matches() is not allowed, because its regular expressions can run forever; use like().');
    if (name === 'bind') throw new CelRefused('bind() is not allowed.');
    const isMacro = MACROS.has(name);
    if (isMacro && isInMacro) throw new CelRefused(`${name}() within another macro is not allowed.`, true);
    if (isMacro && ++reads.macros > CEL_LIMITS.macros) throw new CelRefused(`More than ${CEL_LIMITS.macros} macros.`, true);
    if (isMacro && args[0]?.op === 'id' && (args[0].args === 'input' || args[0].args === 'steps')) {
      throw new CelRefused(`"${args[0].args}" cannot be the variable of ${name}().`);
    }
    if (name === 'like' && isInMacro) reads.weightOfElement = LIKE_WEIGHT;
    visit(receiver, reads, isInMacro);
    for (const arg of args) visit(arg, reads, isInMacro || isMacro);
    return;
  }
  for (const child of childrenOf(node.args)) visit(child, reads, isInMacro);
}

/** The names of `input.a["b"]`, outermost first, or undefined for anything that does not start at a variable. */
function accessPath(node: ASTNode): readonly string[] | undefined {
  if (node.op === 'id') return node.args === 'input' || node.args === 'steps' ? [node.args] : undefined;
  if (node.op === '.') {
    const before = accessPath(node.args[0]);
    return before && [...before, node.args[1]];
  }
  if (node.op !== '[]') return undefined;
  const [target, index] = node.args;
  const before = accessPath(target);
  return before && index.op === 'value' && typeof index.args === 'string' ? [...before, index.args] : undefined;
}

function noteAccess(path: readonly string[], reads: Reads, isInMacro: boolean): void {
  const [root, name, field] = path;
  if (root === 'steps') {
    if (name === undefined) throw new CelRefused('steps must be read by name: steps.build.result or steps["build-all"].result.');
    if (field !== undefined && !STEP_FIELDS.has(field)) throw new CelRefused(`A step has status, result and error, but no "${field}".`);
    reads.steps.add(name);
  } else if (name !== undefined) reads.inputs.add(name);
  (isInMacro ? reads.perElement : reads.once).push(path);
}

function* childrenOf(args: unknown): Generator<ASTNode> {
  if (Array.isArray(args)) for (const item of args as unknown[]) yield* childrenOf(item);
  else if (typeof args === 'object' && args !== null && 'op' in args) yield args as ASTNode;
}

/** A macro visits its list's elements and may read something else for each: the product is what it can cost. */
function refuseTooMuchWork(reads: Reads, scope: ConditionScope): void {
  if (reads.macros === 0) return;
  const data: JsonObject = { input: scope.input, steps: scope.steps };
  const total = (paths: readonly (readonly string[])[], ceiling: number): number =>
    paths.reduce((sum, path) => sum + weigh(readPath(data, path) ?? null, ceiling), 0);
  const perElement = total(reads.perElement, CEL_LIMITS.work);
  const elements = total(reads.once, CEL_LIMITS.work) + perElement;
  if (elements * reads.weightOfElement * (1 + perElement) > CEL_LIMITS.work)
    throw new CelRefused('The expression would go through too much data.', true);
}
