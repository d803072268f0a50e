/** Conditions of a definition: their form, and what they read. */

import type { Json } from '../../machines/protocol/execution.ts';
import type { Condition } from '../../machines/protocol/plan.ts';
import { parsePath } from '../../machines/references.ts';
import { CelRefused, compileCel } from './cel.ts';
import type { IssueList, Path } from './issues.ts';
import { isObject } from './origins.ts';
import type { WorkflowRegistry } from './registry.ts';
import { refuseSecrets } from './secret-references.ts';
import { checkShape, shapeCheck } from './shape.ts';
import { CONDITION_SHAPES } from './shapes.ts';
import { didYouMean } from './suggest.ts';

export interface ReadCondition {
  readonly condition: Condition;
  readonly path: Path;
  readonly steps: readonly string[];
  readonly inputs: readonly string[];
}

const CHECKS = {
  expression: shapeCheck(CONDITION_SHAPES.expression),
  'step-result': shapeCheck(CONDITION_SHAPES['step-result']),
  custom: shapeCheck(CONDITION_SHAPES.custom),
} as const;

/** The condition, or undefined when it has a problem, which is then reported. */
export function readCondition(raw: Json, path: Path, issues: IssueList, registry?: WorkflowRegistry): ReadCondition | undefined {
  if (!isObject(raw)) {
    issues.add('INVALID_VALUE', path, 'A condition is a CEL expression or an object with a type.');
    return undefined;
  }
  const { type } = raw;
  refuseSecrets(raw, path, issues, 'no condition reads a secret');
  if (type === 'expression') return readExpression(checkShape(CHECKS.expression, raw, path, issues).expression, path, issues);
  if (type === 'custom') {
    const { handler, steps = [] } = checkShape(CHECKS.custom, raw, path, issues);
    if (handler === undefined) return undefined;
    if (registry && !registry.hasCondition(handler)) {
      const hint = didYouMean(handler, registry.names?.('condition') ?? []);
      issues.add('INVALID_VALUE', [...path, 'handler'], `There is no condition handler "${handler}".${hint}`);
    }
    return { condition: { type, handler, steps }, path, steps, inputs: [] };
  }
  if (type === 'step-result') return readStepResult(checkShape(CHECKS['step-result'], raw, path, issues), path, issues);
  const message = `The condition type ${JSON.stringify(type ?? null)} is not supported: use expression, step-result or custom.`;
  issues.add('UNSUPPORTED_CONDITION_TYPE', [...path, 'type'], message);
  return undefined;
}

function readExpression(expression: string | undefined, path: Path, issues: IssueList): ReadCondition | undefined {
  if (expression === undefined) return undefined;
  try {
    const { steps, inputs } = compileCel(expression);
    return { condition: { type: 'expression', expression, steps }, path, steps, inputs };
  } catch (error) {
    if (!(error instanceof CelRefused)) throw error;
    issues.add(error.isLimit ? 'LIMIT_EXCEEDED' : 'INVALID_VALUE', [...path, 'expression'], error.message);
    return undefined;
  }
}

type StepResultFields = ReturnType<typeof checkShape<(typeof CONDITION_SHAPES)['step-result']>>;

function readStepResult(fields: StepResultFields, path: Path, issues: IssueList): ReadCondition | undefined {
  const { stepId, operator, value, path: below = [] } = fields;
  if (stepId === undefined || operator === undefined) return undefined;
  const segments = typeof below === 'string' ? (below === '' ? [] : parsePath(below)) : below.map(String);
  if (segments === undefined) {
    issues.add('INVALID_VALUE', [...path, 'path'], `"${below.toString()}" is not a path such as items[0].name.`);
    return undefined;
  }
  if (value === undefined && operator !== 'exists') {
    issues.add('INVALID_VALUE', [...path, 'value'], `The operator "${operator}" needs a value.`);
    return undefined;
  }
  const condition: Condition = { type: 'step-result', stepId, path: segments, operator, ...(value !== undefined && { value }) };
  return { condition, path, steps: [stepId], inputs: [] };
}
