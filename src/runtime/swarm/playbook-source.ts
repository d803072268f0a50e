/** The playbooks of a definition: a list of them, one, or just tasks that fit every goal. */

import type { Json } from '../../machines/protocol/execution.ts';
import type { IssueList, Path } from '../workflow/issues.ts';
import { isObject, type RawObject } from '../workflow/origins.ts';
import { PLAYBOOK_SHAPE } from './definition.ts';
import { fieldsCheck, readFields } from './fields.ts';
import { SWARM_LIMITS } from './limits.ts';
import type { Playbook } from './playbook.ts';

export interface ReadPlaybook {
  readonly playbook: Playbook;
  /** Where its tasks stand. */
  readonly tasksAt: Path;
}

const CHECK = fieldsCheck(PLAYBOOK_SHAPE, ['tasks'], { subTasks: 'tasks', goal: 'goals', playbook: 'id' });

/** In the order in which they are tried: `playbooks`, `playbook`, `tasks`. The last two are named after the swarm. */
export function readPlaybooks(raw: RawObject, at: (key: string) => Path, swarmId: string, issues: IssueList): readonly ReadPlaybook[] {
  const found: ReadPlaybook[] = [];
  const { playbooks, playbook, tasks } = raw;
  const add = (value: Json, path: Path, defaultId?: string): void => {
    const read = readPlaybook(value, path, defaultId, issues);
    if (read && defaultId === undefined && found.some((other) => other.playbook.id === read.playbook.id)) {
      issues.add('DUPLICATE_ID', path, `There is another playbook "${read.playbook.id}".`);
    }
    if (read) found.push(read);
  };
  if (Array.isArray(playbooks) && playbooks.length > SWARM_LIMITS.playbooks) {
    issues.add('LIMIT_EXCEEDED', at('playbooks'), `There are ${playbooks.length} playbooks; ${SWARM_LIMITS.playbooks} is the most.`);
  } else if (Array.isArray(playbooks)) {
    for (const [index, value] of playbooks.entries()) add(value as Json, [...at('playbooks'), index]);
  } else if (playbooks !== undefined) issues.add('INVALID_VALUE', at('playbooks'), 'Playbooks are a list.');
  if (Array.isArray(playbook)) found.push({ playbook: { id: swarmId, tasks: playbook }, tasksAt: at('playbook') });
  else if (playbook !== undefined) add(playbook, at('playbook'), swarmId);
  if (tasks !== undefined) found.push({ playbook: { id: swarmId, tasks }, tasksAt: at('tasks') });
  return found;
}

function readPlaybook(value: Json, path: Path, defaultId: string | undefined, issues: IssueList): ReadPlaybook | undefined {
  if (!isObject(value)) {
    issues.add('INVALID_VALUE', path, 'A playbook is an object.');
    return undefined;
  }
  const { sound, raw, at } = readFields(CHECK, value, path, issues);
  const id = sound.id ?? defaultId;
  if (id === undefined && raw['id'] === undefined) issues.add('INVALID_VALUE', at('id'), '"id" is required.');
  if (raw['tasks'] === undefined) {
    issues.add('INVALID_VALUE', at('tasks'), '"tasks" is required.');
    return undefined;
  }
  const goals = typeof sound.goals === 'string' ? [sound.goals] : sound.goals;
  return { playbook: { id: id ?? '', tasks: raw['tasks'], ...(goals && { goals }) }, tasksAt: at('tasks') };
}
