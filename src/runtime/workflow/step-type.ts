import type { IssueList, Path } from './issues.ts';
import type { RawObject } from './origins.ts';
import { STEP_SHAPES, type StepType } from './shapes.ts';
import { didYouMean } from './suggest.ts';

/** Only a tool step may leave its type out; for the others this finds the check that then says so. */
function likelyType(item: RawObject): StepType {
  const has = (...keys: readonly string[]): boolean => keys.some((key) => item[key] !== undefined);
  if (has('capabilities', 'agent')) return 'agent';
  if (has('tool')) return 'tool';
  if (has('condition', 'then', 'else')) return 'conditional';
  if (has('over')) return 'map';
  if (has('maxIterations')) return 'loop';
  if (has('steps')) return 'parallel';
  if (has('workflow')) return 'workflow';
  if (has('duration', 'until', 'signal', 'approval')) return 'wait';
  return has('module', 'operation') ? 'module-operation' : 'tool';
}

/** Undefined for a type that does not exist, which is then reported. */
export function typeOf(item: RawObject, path: Path, issues: IssueList): StepType | undefined {
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
