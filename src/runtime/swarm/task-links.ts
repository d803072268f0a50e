/** What waits for what among tasks: declared dependencies, and every reference to another task's result. */

import type { ErrorCode } from '../../machines/protocol/errors.ts';
import { listReferences } from '../../machines/references.ts';
import type { IssueList, Path } from '../workflow/issues.ts';
import { WORKFLOW_LIMITS } from '../workflow/limits.ts';
import { didYouMean } from '../workflow/suggest.ts';
import type { ReadTask } from './tasks.ts';

/** For each task, the ordinals of those that it waits for. Reports unknown names and tasks that wait for themselves. */
export function linkTasks(
  tasks: readonly ReadTask[],
  byId: ReadonlyMap<string, ReadTask>,
  inputNames: ReadonlySet<string> | undefined,
  issues: IssueList,
): readonly ReadonlySet<number>[] {
  const links: Set<number>[] = tasks.map(() => new Set());

  function link(from: ReadTask, id: string, path: Path, code: ErrorCode): void {
    const target = byId.get(id);
    if (!target) issues.add(code, path, `There is no task "${id}".${didYouMean(id, byId.keys())}`);
    else if (target === from) issues.add('DEPENDENCY_CYCLE', path, `Task "${id}" waits for itself: ${id} → ${id}.`);
    else links[from.ordinal]?.add(target.ordinal);
  }

  function checkInput(name: string, path: Path): void {
    if (inputNames === undefined || name === 'goal' || inputNames.has(name)) return;
    issues.add('UNRESOLVED_REFERENCE', path, `The swarm has no input "${name}".${didYouMean(name, [...inputNames, 'goal'])}`);
  }

  for (const task of tasks) {
    const { sound, at } = task.fields;
    for (const [index, id] of (sound.dependencies ?? []).entries()) link(task, id, [...at('dependencies'), index], 'UNKNOWN_DEPENDENCY');
    const perText = new Map<string, number>();
    for (const { part, path } of listReferences(sound.parameters ?? {})) {
      const place = [...at('parameters'), ...path];
      const text = JSON.stringify(path);
      const count = (perText.get(text) ?? 0) + 1;
      perText.set(text, count);
      if (count === WORKFLOW_LIMITS.referencesPerText + 1) {
        issues.add('LIMIT_EXCEEDED', place, `More than ${WORKFLOW_LIMITS.referencesPerText} references in one text.`);
      }
      if (part.kind === 'malformed') issues.add('UNRESOLVED_REFERENCE', place, `${part.text} is not a reference: ${part.reason}.`);
      else if (part.kind === 'input') checkInput(part.name, place);
      else link(task, part.step, place, 'UNRESOLVED_REFERENCE');
    }
  }
  return links;
}
