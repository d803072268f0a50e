/**
 * A workflow's steps as one flat list, a parent before its children, each checked for its form.
 *
 * What is broken is reported and left out; the rest is kept, so that one pass can report the problems of form
 * and those of meaning together.
 */

import type { Json } from '../../machines/protocol/execution.ts';
import { type ReadCondition, readCondition } from './condition-definition.ts';
import type { IssueList, Path } from './issues.ts';
import { UNSAFE_KEYS, WORKFLOW_LIMITS } from './limits.ts';
import { isObject, type RawObject } from './origins.ts';
import type { WorkflowRegistry } from './registry.ts';
import { STEP_SHAPES, type StepType, WORKFLOW_SHAPE } from './schema.ts';
import { checkShape, type Shape, type ShapeCheck, type Sound, shapeCheck } from './shape.ts';
import { didYouMean } from './suggest.ts';

type FieldsOf<Type extends StepType> = Omit<Sound<(typeof STEP_SHAPES)[Type]>, 'type'>;
export type StepFields = FieldsOf<'tool'> & FieldsOf<'module-operation'> & FieldsOf<'parallel'>;
export type WorkflowFields = Sound<typeof WORKFLOW_SHAPE>;

export interface OutlineStep {
  readonly ordinal: number;
  readonly path: Path;
  readonly type: StepType;
  /** Empty when the definition gives none, which is then reported. */
  readonly id: string;
  readonly fields: StepFields;
  readonly depth: number;
  readonly parent?: OutlineStep;
  readonly branch?: 'then' | 'else';
  readonly children: OutlineStep[];
  readonly when: readonly ReadCondition[];
  /** Of a conditional. */
  readonly condition?: ReadCondition;
}

export interface Outline {
  readonly path: Path;
  readonly fields: WorkflowFields;
  readonly steps: readonly OutlineStep[];
}

const STEP_CHECKS: Readonly<Record<StepType, ShapeCheck<Shape>>> = {
  tool: shapeCheck(STEP_SHAPES.tool, ['when']),
  'module-operation': shapeCheck(STEP_SHAPES['module-operation'], ['when']),
  parallel: shapeCheck(STEP_SHAPES.parallel, ['when', 'steps']),
  conditional: shapeCheck(STEP_SHAPES.conditional, ['when', 'condition', 'then', 'else']),
};
const WORKFLOW_CHECK = shapeCheck(WORKFLOW_SHAPE, ['steps']);

interface Place {
  readonly parent?: OutlineStep;
  readonly branch?: 'then' | 'else';
}

export function outlineWorkflow(raw: RawObject, issues: IssueList, registry?: WorkflowRegistry): Outline {
  const steps: OutlineStep[] = [];

  function readSteps(list: Json | undefined, path: Path, place: Place, mayBeEmpty = false): void {
    if (!Array.isArray(list)) {
      issues.add('INVALID_VALUE', path, list === undefined ? `"${path.at(-1)}" is required.` : 'Steps are a list.');
      return;
    }
    if (list.length === 0 && !mayBeEmpty) issues.add('INVALID_VALUE', path, 'There is no step.');
    for (const [index, item] of list.entries()) {
      if (steps.length > WORKFLOW_LIMITS.steps) return;
      readStep(item as Json, [...path, index], place);
    }
  }

  function readStep(item: Json, path: Path, place: Place): void {
    if (!isObject(item)) {
      issues.add('INVALID_VALUE', path, 'A step is an object.');
      return;
    }
    if (steps.length === WORKFLOW_LIMITS.steps) issues.add('LIMIT_EXCEEDED', path, `More than ${WORKFLOW_LIMITS.steps} steps.`);
    const type = typeOf(item, path, issues);
    const fields = type ? (checkShape(STEP_CHECKS[type], item, path, issues) as StepFields) : lenientFields(item);
    if (UNSAFE_KEYS.has(fields.id ?? '')) issues.add('UNSAFE_KEY', [...path, 'id'], `A step cannot be named "${fields.id}".`);
    const step: OutlineStep = {
      ordinal: steps.length,
      path,
      type: type ?? 'tool',
      id: fields.id ?? '',
      fields,
      depth: (place.parent?.depth ?? -1) + 1,
      ...place,
      children: [],
      when: readWhen(item['when'], [...path, 'when'], issues, registry),
      ...(type === 'conditional' && conditionOf(item, path, issues, registry)),
    };
    steps.push(step);
    place.parent?.children.push(step);
    readChildren(item, step, type);
  }

  function readChildren(item: RawObject, step: OutlineStep, type: StepType | undefined): void {
    const isGroup = type === 'parallel' || type === 'conditional';
    if (!isGroup && (type !== undefined || item['steps'] === undefined)) return;
    if (step.depth >= WORKFLOW_LIMITS.stepDepth) {
      issues.add('LIMIT_EXCEEDED', step.path, `Steps are nested deeper than ${WORKFLOW_LIMITS.stepDepth} levels.`);
    } else if (type === 'conditional') {
      readSteps(item['then'], [...step.path, 'then'], { parent: step, branch: 'then' });
      if (item['else'] !== undefined) readSteps(item['else'], [...step.path, 'else'], { parent: step, branch: 'else' }, true);
    } else readSteps(item['steps'], [...step.path, 'steps'], { parent: step });
  }

  const fields = checkShape(WORKFLOW_CHECK, raw, [], issues);
  readSteps(raw['steps'], ['steps'], {});
  return { path: [], fields, steps };
}

/** Of a step whose type is unknown, what is needed to look at its neighbours. */
function lenientFields(item: RawObject): StepFields {
  const { id, dependencies } = item;
  const names = Array.isArray(dependencies) ? dependencies.filter((name: Json) => typeof name === 'string') : [];
  return { ...(typeof id === 'string' && { id }), dependencies: names };
}

/** Only a tool step may leave its type out; for the others this finds the check that then says so. */
function likelyType(item: RawObject): StepType {
  const has = (...keys: readonly string[]): boolean => keys.some((key) => item[key] !== undefined);
  if (has('tool')) return 'tool';
  if (has('condition', 'then', 'else')) return 'conditional';
  if (has('steps')) return 'parallel';
  return has('module', 'operation') ? 'module-operation' : 'tool';
}

function typeOf(item: RawObject, path: Path, issues: IssueList): StepType | undefined {
  const { type } = item;
  if (type === undefined) return likelyType(item);
  if (typeof type === 'string' && Object.hasOwn(STEP_SHAPES, type)) return type as StepType;
  const known = Object.keys(STEP_SHAPES);
  const hint = typeof type === 'string' ? didYouMean(type, known) : '';
  issues.add(
    'UNSUPPORTED_STEP_TYPE',
    [...path, 'type'],
    `The step type ${JSON.stringify(type)} is not supported (${known.join(', ')}).${hint}`,
  );
  return undefined;
}

function readWhen(raw: Json | undefined, path: Path, issues: IssueList, registry?: WorkflowRegistry): readonly ReadCondition[] {
  if (!Array.isArray(raw)) return [];
  const conditions = raw.map((item: Json, index) => readCondition(item, [...path, index], issues, registry));
  return conditions.filter((condition) => condition !== undefined);
}

function conditionOf(item: RawObject, path: Path, issues: IssueList, registry?: WorkflowRegistry): { readonly condition?: ReadCondition } {
  const at = [...path, 'condition'];
  if (item['condition'] === undefined) {
    issues.add('INVALID_VALUE', at, '"condition" is required.');
    return {};
  }
  const condition = readCondition(item['condition'], at, issues, registry);
  return condition ? { condition } : {};
}
