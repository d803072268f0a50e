/** How questions to people, and what became of an answer, are printed. */

import { isDeepStrictEqual } from 'node:util';
import type { Answer, Question, Verdict } from './control/inbox.ts';
import type { Asked } from './control/live-runs.ts';
import type { Pointer } from './control/pointers.ts';
import type { Refusal } from './control/protocol.ts';
import { oneLine, printSpan, shellWord } from './outcome.ts';
import { table } from './table.ts';

const DOCUMENT_VERSION = 1;
const LONGEST_PROMPT_SHOWN = 2_000;

type Waiting = Question & { readonly run: string };

/** What a folder's runs replied, put together. */
export interface Survey {
  /** The one that has waited longest first. */
  readonly waiting: readonly Waiting[];
  readonly runs: readonly (Pick<Pointer, 'executionId' | 'kind' | 'name' | 'pid' | 'startedAt'> & { readonly waiting: number })[];
  /** More that wait in runs that have too many to list. */
  readonly left: number;
  readonly unreachable: readonly { readonly executionId: string; readonly reason: string }[];
  /** Runs whose process had ended without a word. */
  readonly over: readonly { readonly executionId: string; readonly reason: string }[];
}

export function surveyOf(asked: readonly Asked<'list'>[]): Survey {
  const waiting: Waiting[] = [];
  const runs: Survey['runs'][number][] = [];
  const unreachable: { executionId: string; reason: string }[] = [];
  const over: { executionId: string; reason: string }[] = [];
  let left = 0;
  for (const one of asked) {
    if (one.status !== 'replied') {
      (one.status === 'over' ? over : unreachable).push({ executionId: one.executionId, reason: one.reason });
      continue;
    }
    const { executionId, kind, name, pid, startedAt } = one.pointer;
    if (!one.reply.ok) {
      unreachable.push({ executionId, reason: one.reply.error.message });
      continue;
    }
    for (const question of one.reply.waiting) waiting.push({ ...question, run: name });
    left += one.reply.left;
    runs.push({ executionId, kind, name, pid, startedAt, waiting: one.reply.waiting.length + one.reply.left });
  }
  return { waiting: waiting.sort((one, other) => one.since - other.since), runs, left, unreachable, over };
}

export const listDocument = (survey: Survey): string => JSON.stringify({ v: DOCUMENT_VERSION, ...survey });

interface Lines {
  readonly table: readonly string[];
  readonly notes: readonly string[];
}

export function listLines({ waiting, runs, left, unreachable, over }: Survey, cwd: string, now: number): Lines {
  const [first] = waiting;
  return {
    table: first ? table([HEAD, ...waiting.map((question) => row(question, now))]) : [],
    notes: [
      ...over.map(({ executionId, reason }) => `run ${executionId} is over: ${reason}`),
      ...unreachable.map(({ executionId, reason }) => `run ${executionId} cannot be asked: ${oneLine(reason)}`),
      ...(left > 0 ? [`${left} more wait, and are listed once these are answered`] : []),
      ...(first ? [`next: swarmchart approve ${shellWord(first.id)}${others(first.options)}`] : [nothing(runs.length, cwd)]),
    ],
  };
}

function nothing(runs: number, cwd: string): string {
  if (runs > 0)
    return `${runs === 1 ? 'The run' : `None of the ${runs} runs`} in this folder ${runs === 1 ? 'does not wait' : 'waits'} for a person`;
  return `No run in ${cwd} takes answers: one does when it is started with "swarmchart run FILE --wait-for-people"`;
}

/** `   # or --reject, --abort` */
export function others(options: readonly Verdict[]): string {
  const flags = options.filter((option) => option !== 'approve').map((option) => `--${option}`);
  return flags.length === 0 ? '' : `   # or ${flags.join(', ')}`;
}

const HEAD = ['ID', 'RUN', 'KIND', 'SINCE', 'EXPIRES', 'WHO', 'QUESTION'] as const;

function row({ id, run, kind, since, expiresAt, role, quorum, votes, prompt }: Waiting, now: number): readonly string[] {
  const people = quorum > 1 ? `${quorum} people, ${votes.length} answered` : '';
  return [
    shellWord(id),
    oneLine(run),
    kind,
    `${printSpan(now - since)} ago`,
    expiresAt === undefined ? '-' : `in ${printSpan(expiresAt - now)}`,
    [role === undefined ? '' : oneLine(role), people].filter(Boolean).join(', ') || 'anyone',
    oneLine(prompt, LONGEST_PROMPT_SHOWN),
  ];
}

export interface Outcome {
  readonly accepted: boolean;
  /** The question, when it waits for more answers after this one. */
  readonly open?: Question | undefined;
  readonly error?: Refusal;
}

const DONE = { approve: 'approved', reject: 'rejected', retry: 'to be tried again', abort: 'aborted' } as const;

export function outcomeOf(id: string, answer: Answer, asked: Asked<'decide'>): Outcome & { readonly word: string } {
  const { decision } = answer;
  const name = oneLine(id);
  const vain = (reason: string, code: Refusal['code'] = 'CANCELLED') => {
    const message = `"${name}" was not answered: ${reason}`;
    return { accepted: false, error: { code, message }, word: `error: ${message}` };
  };
  if (asked.status === 'over') return vain(`run ${asked.executionId} is over, as ${asked.reason}`);
  if (asked.status === 'silent') {
    const lead = asked.mayHaveHeard ? `Whether "${name}" was answered is not known` : `"${name}" was not answered`;
    const message = `${lead}: run ${asked.executionId} cannot be asked: ${oneLine(asked.reason)}`;
    return { accepted: false, error: { code: 'EXECUTION_FAILED', message }, word: `error: ${message}` };
  }
  const { reply } = asked;
  if (!reply.ok) return vain(oneLine(reply.error.message), reply.error.code);
  if (!reply.accepted) return vain(oneLine(reply.reason ?? 'it waits no longer'));
  const { open } = reply;
  if (!open) return { accepted: true, word: `${name} ${DONE[decision]}` };
  const agreeing = agreementIn(open, answer);
  const word = `${name}: your "${decision}" counts; ${open.quorum} people must give the same answer, ${open.votes.length} answered${agreeing}`;
  return { accepted: true, open, word };
}

/** How many gave this answer, where others gave another one. Values that are too long are not among the votes: of those nothing is said. */
function agreementIn({ votes }: Question, { decision, value, by }: Answer): string {
  const isMine = (vote: Question['votes'][number]) => vote.decision === decision && isDeepStrictEqual(vote.value, value);
  const same = votes.filter(isMine).length;
  return same < votes.length && votes.some((vote) => vote.by === by && isMine(vote)) ? `, ${same} of them the same as you` : '';
}

export const answerDocument = (id: string, answer: Answer | undefined, { accepted, open, error }: Outcome): string =>
  JSON.stringify({
    v: DOCUMENT_VERSION,
    id,
    ...(answer && { decision: answer.decision, by: answer.by ?? null }),
    accepted,
    open: open ?? null,
    error: error ?? null,
  });
