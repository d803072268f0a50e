/**
 * A workflow's steps as one flat list, a parent before its children, each checked for its form. What runs as a run of its own
 * (the body of a map or a loop, a workflow within a step) is an outline of its own, below the step.
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
import { checkShape, type Shape, type ShapeCheck, type Sound, shapeCheck } from './shape.ts';
import { COMPENSATION_SHAPE, STEP_SHAPES, type StepType, WORKFLOW_SHAPE } from './shapes.ts';
import { typeOf } from './step-type.ts';

type FieldsOf<Type extends StepType> = Omit<Sound<(typeof STEP_SHAPES)[Type]>, 'type' | 'compensate'>;
export type StepFields = FieldsOf<'agent'> &
  FieldsOf<'module-operation'> &
  FieldsOf<'parallel'> &
  FieldsOf<'map'> &
  FieldsOf<'loop'> &
  FieldsOf<'wait'>;
export type CompensationFields = Sound<typeof COMPENSATION_SHAPE>;
export type WorkflowFields = Sound<typeof WORKFLOW_SHAPE>;

export interface OutlineStep {
  readonly ordinal: number;
  readonly path: Path;
  /** As it was given, broken fields included. */
  readonly raw: RawObject;
  readonly type: StepType;
  /** Empty when the definition gives none, which is then reported. */
  readonly id: string;
  readonly fields: StepFields;
  /** Groups, bodies and workflows around it. */
  readonly depth: number;
  readonly parent?: OutlineStep;
  readonly branch?: 'then' | 'else';
  readonly children: OutlineStep[];
  readonly when: readonly ReadCondition[];
  readonly compensate?: CompensationFields | undefined;
  /** Of a conditional. */
  readonly condition?: ReadCondition | undefined;
  /** Of a map, a loop, and a step that holds a workflow. */
  readonly body?: Outline | undefined;
  /** Of a loop. */
  readonly until?: ReadCondition | undefined;
  /** Of a step that names a workflow. */
  readonly calls?: string;
}

export interface Outline {
  readonly path: Path;
  /** What the workflow says of itself; of the body of a map or a loop nothing. */
  readonly fields: WorkflowFields;
  /** Where its steps find what they do not say: a body belongs to the workflow around it. */
  readonly settings: WorkflowFields;
  readonly steps: readonly OutlineStep[];
  /** How many steps it holds, at any depth. */
  readonly size: number;
  /** Steps that name workflows, at any depth. */
  readonly calls: readonly OutlineStep[];
}

/** A compensation is checked apart, so that a problem in it hides no other. */
function stepCheck<S extends Shape>({ compensate, ...shape }: S, ...keysOfOthers: readonly string[]): ShapeCheck<Shape> {
  return shapeCheck(shape, ['when', ...keysOfOthers, ...(compensate ? ['compensate'] : [])]);
}
const STEP_CHECKS: Readonly<Record<StepType, ShapeCheck<Shape>>> = {
  tool: stepCheck(STEP_SHAPES.tool),
  agent: stepCheck(STEP_SHAPES.agent),
  'module-operation': stepCheck(STEP_SHAPES['module-operation']),
  parallel: stepCheck(STEP_SHAPES.parallel, 'steps'),
  conditional: stepCheck(STEP_SHAPES.conditional, 'condition', 'then', 'else'),
  map: stepCheck(STEP_SHAPES.map, 'steps'),
  loop: stepCheck(STEP_SHAPES.loop, 'steps', 'until'),
  workflow: stepCheck(STEP_SHAPES.workflow, 'workflow'),
  wait: stepCheck(STEP_SHAPES.wait),
};
const COMPENSATION_CHECK = shapeCheck(COMPENSATION_SHAPE);
const WORKFLOW_CHECK = shapeCheck(WORKFLOW_SHAPE, ['steps']);
/** A workflow within a step needs no id. */
const INNER_CHECK = shapeCheck({ ...WORKFLOW_SHAPE, id: WORKFLOW_SHAPE.id.optional() }, ['steps']);

interface Place {
  readonly parent?: OutlineStep;
  readonly branch?: 'then' | 'else';
}

/** What the outlines of one workflow share: the steps that they have in all, and those that name workflows. */
interface Whole {
  steps: number;
  readonly calls: OutlineStep[];
}

export function outlineWorkflow(raw: RawObject, issues: IssueList, registry?: WorkflowRegistry): Outline {
  const fields = checkShape(WORKFLOW_CHECK, raw, [], issues);
  return outlineSteps({ raw, path: [], depth: 0, fields, settings: fields }, { steps: 0, calls: [] }, issues, registry);
}

interface Body extends Pick<Outline, 'path' | 'fields' | 'settings'> {
  readonly raw: RawObject;
  /** Of its outermost steps. */
  readonly depth: number;
}

function outlineSteps(
  { raw, path: root, depth, fields, settings }: Body,
  whole: Whole,
  issues: IssueList,
  registry?: WorkflowRegistry,
): Outline {
  const steps: OutlineStep[] = [];

  function readSteps(list: Json | undefined, path: Path, place: Place, mayBeEmpty = false): void {
    if (!Array.isArray(list)) {
      issues.add('INVALID_VALUE', path, list === undefined ? `"${path.at(-1)}" is required.` : 'Steps are a list.');
      return;
    }
    if (list.length === 0 && !mayBeEmpty) issues.add('INVALID_VALUE', path, 'There is no step.');
    for (const [index, item] of list.entries()) {
      if (whole.steps > WORKFLOW_LIMITS.steps) return;
      readStep(item as Json, [...path, index], place);
    }
  }

  function readStep(item: Json, path: Path, place: Place): void {
    if (!isObject(item)) {
      issues.add('INVALID_VALUE', path, 'A step is an object.');
      return;
    }
    if (whole.steps === WORKFLOW_LIMITS.steps) issues.add('LIMIT_EXCEEDED', path, `More than ${WORKFLOW_LIMITS.steps} steps.`);
    whole.steps += 1;
    const type = typeOf(item, path, issues);
    const own = type ? (checkShape(STEP_CHECKS[type], item, path, issues) as StepFields) : lenientFields(item);
    if (UNSAFE_KEYS.has(own.id ?? '')) issues.add('UNSAFE_KEY', [...path, 'id'], `A step cannot be named "${own.id}".`);
    const ordinal = steps.length;
    const level = (place.parent?.depth ?? depth - 1) + 1;
    const step: OutlineStep = {
      ordinal,
      path,
      raw: item,
      type: type ?? 'tool',
      id: own.id ?? '',
      fields: own,
      depth: level,
      ...place,
      children: [],
      when: readWhen(item['when'], [...path, 'when'], issues, registry),
      compensate: readCompensation(item, type, path, issues),
      ...(type === 'conditional' && { condition: conditionAt(item, 'condition', path, issues, registry) }),
      ...(type === 'loop' && item['until'] !== undefined && { until: conditionAt(item, 'until', path, issues, registry) }),
      ...(type === 'workflow' && typeof item['workflow'] === 'string' && { calls: item['workflow'] }),
      ...(type !== undefined && { body: readBody(item, type, path, level) }),
    };
    steps.push(step);
    if (step.calls !== undefined) whole.calls.push(step);
    place.parent?.children.push(step);
    readChildren(item, step, type);
  }

  function readBody(item: RawObject, type: StepType, path: Path, level: number): Outline | undefined {
    const isCall = type === 'workflow';
    if (!isCall && type !== 'map' && type !== 'loop') return undefined;
    const inner = isCall ? item['workflow'] : item;
    if (isCall && typeof inner === 'string') return undefined;
    if (!isObject(inner)) {
      const message = inner === undefined ? '"workflow" is required.' : 'A workflow is named by its id, or given as an object.';
      issues.add('INVALID_VALUE', [...path, 'workflow'], message);
      return undefined;
    }
    if (level >= WORKFLOW_LIMITS.stepDepth) {
      issues.add('LIMIT_EXCEEDED', path, `Steps are nested deeper than ${WORKFLOW_LIMITS.stepDepth} levels.`);
      return undefined;
    }
    const inside = { raw: inner, depth: level + 1 };
    if (!isCall) return outlineSteps({ ...inside, path, fields: {}, settings }, whole, issues, registry);
    const place = [...path, 'workflow'];
    const own = checkShape(INNER_CHECK, inner, place, issues) as WorkflowFields;
    return outlineSteps({ ...inside, path: place, fields: own, settings: own }, whole, issues, registry);
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

  const before = whole.steps;
  readSteps(raw['steps'], [...root, 'steps'], {});
  return { path: root, fields, settings, steps, size: whole.steps - before, calls: whole.calls };
}

/** Of a step whose type is unknown, what is needed to look at its neighbours. */
function lenientFields(item: RawObject): StepFields {
  const { id, dependencies } = item;
  const names = Array.isArray(dependencies) ? dependencies.filter((name: Json) => typeof name === 'string') : [];
  return { ...(typeof id === 'string' && { id }), dependencies: names };
}

function readWhen(raw: Json | undefined, path: Path, issues: IssueList, registry?: WorkflowRegistry): readonly ReadCondition[] {
  if (!Array.isArray(raw)) return [];
  const conditions = raw.map((item: Json, index) => readCondition(item, [...path, index], issues, registry));
  return conditions.filter((condition) => condition !== undefined);
}

function readCompensation(
  { compensate }: RawObject,
  type: StepType | undefined,
  path: Path,
  issues: IssueList,
): CompensationFields | undefined {
  if (compensate === undefined || type === undefined || !STEP_CHECKS[type].keys.has('compensate')) return undefined;
  if (isObject(compensate)) return checkShape(COMPENSATION_CHECK, compensate, [...path, 'compensate'], issues);
  issues.add('INVALID_VALUE', [...path, 'compensate'], 'A compensation is an object that names a tool.');
  return undefined;
}

function conditionAt(
  item: RawObject,
  key: 'condition' | 'until',
  path: Path,
  issues: IssueList,
  registry?: WorkflowRegistry,
): ReadCondition | undefined {
  const raw = item[key];
  if (raw !== undefined) return readCondition(raw, [...path, key], issues, registry);
  issues.add('INVALID_VALUE', [...path, key], `"${key}" is required.`);
  return undefined;
}
