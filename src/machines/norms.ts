/** What an organization's obligations come to while a swarm is at work, by the swarm's active time. Pure; O(obligations and their tasks). */

/** An obligation with the moment at which it is due. `retry` moves that moment; whatever is not `open` nobody looks at any more. */
export interface Due {
  readonly normId: string;
  readonly tasks: readonly string[];
  /** In the swarm's active time. Milliseconds. */
  readonly dueActiveMs: number;
  readonly status: 'open' | 'escalated' | 'waived' | 'met';
}

/** An obligation that was not met in time, with the tasks that it still lacks. */
export interface Unmet<O extends Due> {
  readonly obligation: O;
  readonly open: readonly string[];
}

type IsCompleted = (taskId: string) => boolean;

/** The tasks of a mission that are not completed, in the mission's order. A mission without tasks is completed. */
export const openTasks = ({ tasks }: Pick<Due, 'tasks'>, isCompleted: IsCompleted): readonly string[] =>
  tasks.filter((taskId) => !isCompleted(taskId));

/** Open obligations whose time has come (`dueActiveMs` itself counts) with their missions not completed; the one due first comes first. */
export function dueObligations<O extends Due>(obligations: Iterable<O>, isCompleted: IsCompleted, activeMs: number): readonly Unmet<O>[] {
  const unmet: Unmet<O>[] = [];
  for (const obligation of obligations) {
    if (obligation.status !== 'open' || obligation.dueActiveMs > activeMs) continue;
    const open = openTasks(obligation, isCompleted);
    if (open.length > 0) unmet.push({ obligation, open });
  }
  return unmet.sort((a, b) => a.obligation.dueActiveMs - b.obligation.dueActiveMs);
}

/** Open obligations whose missions are completed, in the order given. */
export function metObligations<O extends Due>(obligations: Iterable<O>, isCompleted: IsCompleted): readonly O[] {
  const met: O[] = [];
  for (const obligation of obligations) {
    if (obligation.status === 'open' && openTasks(obligation, isCompleted).length === 0) met.push(obligation);
  }
  return met;
}

/** The active time at which an open obligation is due next, past or future; undefined when none is open whose mission is not completed. */
export function nextDeadline(obligations: Iterable<Due>, isCompleted: IsCompleted): number | undefined {
  let next: number | undefined;
  for (const obligation of obligations) {
    if (obligation.status !== 'open' || (next !== undefined && obligation.dueActiveMs >= next)) continue;
    if (openTasks(obligation, isCompleted).length > 0) next = obligation.dueActiveMs;
  }
  return next;
}
