/** What waits for what among tasks: declared dependencies, and every reference to another task's result. */

import type { ErrorCode } from '../../machines/protocol/errors.ts';
import type { Json } from '../../machines/protocol/execution.ts';
import { listReferences } from '../../machines/references.ts';
import type { IssueList, Path } from '../workflow/issues.ts';
import { WORKFLOW_LIMITS } from '../workflow/limits.ts';
import { checkSecret, type SecretNames } from '../workflow/secret-references.ts';
import { didYouMean } from '../workflow/suggest.ts';
import { SWARM_LIMITS } from './limits.ts';
import type { ReadTask } from './tasks.ts';

/** Names are compared for a hint at most so often: that costs much more than all else here. */
const MOST_HINTS = 50;

/** For each task, the ordinals of those that it waits for. Reports unknown names and tasks that wait for themselves. */
export function linkTasks(
  tasks: readonly ReadTask[],
  byId: ReadonlyMap<string, ReadTask>,
  inputNames: ReadonlySet<string> | undefined,
  secrets: SecretNames | undefined,
  issues: IssueList,
): readonly ReadonlySet<number>[] {
  const links: Set<number>[] = tasks.map(() => new Set());
  let hints = 0;
  const hint = (name: string, known: Iterable<string>): string => (hints++ < MOST_HINTS ? didYouMean(name, known) : '');

  function link(from: ReadTask, id: string, path: Path, code: ErrorCode): void {
    const target = byId.get(id);
    if (!target) issues.add(code, path, `There is no task "${id}".${hint(id, byId.keys())}`);
    else if (target === from) issues.add('DEPENDENCY_CYCLE', path, `Task "${id}" waits for itself: ${id} → ${id}.`);
    else links[from.ordinal]?.add(target.ordinal);
  }

  function checkInput(name: string, path: Path): void {
    if (inputNames === undefined || name === 'goal' || inputNames.has(name)) return;
    issues.add('UNRESOLVED_REFERENCE', path, `The swarm has no input "${name}".${hint(name, [...inputNames, 'goal'])}`);
  }

  for (const task of tasks) {
    const { sound, at } = task.fields;
    const { dependencies = [], parameters = {} } = sound;
    for (const [index, id] of dependencies.entries()) link(task, id, [...at('dependencies'), index], 'UNKNOWN_DEPENDENCY');
    if (!mayBeRead(parameters, at('parameters'), issues)) continue;
    for (const { part, path } of listReferences(parameters)) {
      const place = [...at('parameters'), ...path];
      if (part.kind === 'malformed') issues.add('UNRESOLVED_REFERENCE', place, `${part.text} is not a reference: ${part.reason}.`);
      else if (part.kind === 'input') checkInput(part.name, place);
      else if (part.kind === 'secret') checkSecret(part.name, place, secrets, issues);
      else link(task, part.step, place, 'UNRESOLVED_REFERENCE');
    }
  }
  return links;
}

/** Whether there are few enough references, counted by what they begin with; that there are too many is reported once. */
function mayBeRead(parameters: Json, at: Path, issues: IssueList): boolean {
  const open: Json[] = [parameters];
  let left: number = SWARM_LIMITS.referencesPerTask;
  for (let next = open.pop(); next !== undefined && left >= 0; next = open.pop()) {
    if (typeof next === 'string') {
      const count = beginnings(next);
      left -= count;
      if (count <= WORKFLOW_LIMITS.referencesPerText) continue;
      issues.add('LIMIT_EXCEEDED', at, `More than ${WORKFLOW_LIMITS.referencesPerText} references in one text.`);
      return false;
    }
    if (typeof next === 'object' && next !== null) for (const item of Object.values(next)) open.push(item);
  }
  if (left < 0) issues.add('LIMIT_EXCEEDED', at, `More than ${SWARM_LIMITS.referencesPerTask} references in one task.`);
  return left >= 0;
}

function beginnings(text: string): number {
  let count = 0;
  for (const begin of ['{{', '${']) {
    for (let from = text.indexOf(begin); from !== -1 && count <= WORKFLOW_LIMITS.referencesPerText; count++) {
      from = text.indexOf(begin, from + begin.length);
    }
  }
  return count;
}
