/** The people of a simulation: they answer whatever they are asked, one of them, or each in turn, and sometimes in a role that is not theirs. */

import { identityOf } from '../actors/failure.ts';
import type { Runtime } from '../create-runtime.ts';
import type { Choice } from '../machines/protocol/decision.ts';
import type { PendingDecision } from '../runtime/approvals.ts';
import type { Pick } from './random.ts';

const PEOPLE = ['ann', 'bob', 'cid'] as const;

/** What people are asked about an execution, or anything below it. */
export const askedAbout = (runtime: Runtime, root: string): readonly PendingDecision[] =>
  runtime.approvals.list().filter(({ executionId }) => executionId === root || executionId.startsWith(`${root}/`));

/** One of them gives every question the same answer. Nothing is chosen where it makes no difference who that is. */
export async function answerAs(runtime: Runtime, root: string, decision: Choice, pick: Pick): Promise<boolean> {
  const answers = askedAbout(runtime, root).map((asked) => {
    const isOpen = asked.quorum > 1 || asked.role !== undefined;
    const by = isOpen ? (PEOPLE[pick(PEOPLE.length)] ?? 'ann') : 'simulation';
    return answer(runtime, asked, decision, by, isOpen && pick(4) === 0 ? 'nobody' : asked.role);
  });
  return (await Promise.all(answers)).includes(true);
}

/** Everybody approves of everything. False when nobody was asked. */
export async function approveAll(runtime: Runtime, root: string): Promise<boolean> {
  let isAny = false;
  for (const by of PEOPLE) {
    const answers = askedAbout(runtime, root).map((asked) => answer(runtime, asked, 'approve', by, asked.role));
    isAny = (await Promise.all(answers)).includes(true) || isAny;
  }
  return isAny;
}

async function answer(runtime: Runtime, { id, role: wanted }: PendingDecision, decision: Choice, by: string, role: string | undefined): Promise<boolean> {
  try {
    return await runtime.approvals.decide(id, { decision, by, ...(role !== undefined && { role }) });
  } catch (thrown) {
    if (identityOf(thrown)?.code === 'NOT_PERMITTED' && role !== wanted) return false;
    throw thrown;
  }
}
