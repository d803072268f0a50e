/** `swarmchart approve [ID]`: what waits for people in the runs of this folder, and answers to it. */

import { userInfo } from 'node:os';
import type { Json } from '../../machines/protocol/execution.ts';
import { didYouMean } from '../../runtime/workflow/suggest.ts';
import { fits } from '../control/client.ts';
import type { Answer, Verdict } from '../control/inbox.ts';
import { type Asked, LiveRuns } from '../control/live-runs.ts';
import type { Refusal, Request } from '../control/protocol.ts';
import { placeOf, type ReadFlags } from '../journal/journal-file.ts';
import { commandToGoOn, countWaiting } from '../journal/left-behind.ts';
import { EXIT, oneLine, UsageError } from '../outcome.ts';
import { answerDocument, listDocument, listLines, outcomeOf, surveyOf } from '../questions.ts';
import type { Terminal } from '../terminal.ts';

export interface ApproveFlags extends ReadFlags {
  readonly reject?: boolean;
  readonly retry?: boolean;
  readonly abort?: boolean;
  readonly value?: string;
  readonly by?: string;
  readonly role?: string;
  readonly json?: boolean;
}

export function approve(id: string | undefined, flags: ApproveFlags, terminal: Terminal): Promise<number> {
  const runs = new LiveRuns(terminal.cwd);
  if (id !== undefined) return decide(id, flags, runs, terminal);
  const { json, journal, ...answer } = flags;
  const [name] = Object.keys(answer);
  if (name !== undefined) throw new UsageError('INVALID_INPUT', `--${name} is part of an answer: give the ID of what you answer`);
  return list(flags, runs, terminal);
}

async function list(flags: ApproveFlags, runs: LiveRuns, { cwd, stdout, stderr }: Terminal): Promise<number> {
  const survey = surveyOf(await runs.askAll({ type: 'list' }));
  if (flags.json) {
    await stdout.line(listDocument(survey));
    return EXIT.succeeded;
  }
  const { table, notes } = listLines(survey, cwd, Date.now());
  for (const line of table) await stdout.line(line);
  for (const line of notes) await stderr.line(line);
  const left = await countWaiting(flags, cwd);
  if (left > 0)
    await stderr.line(
      `${left} more ${left === 1 ? 'waits' : 'wait'}, and nobody runs ${left === 1 ? 'it' : 'them'}: swarmchart list --status waiting${placeOf(flags.journal, cwd).option}`,
    );
  return EXIT.succeeded;
}

async function decide(id: string, flags: ApproveFlags, runs: LiveRuns, { cwd, stdout, stderr }: Terminal): Promise<number> {
  const { json: isJson = false } = flags;
  try {
    const answer = answerOf(flags);
    const { accepted, word, ...more } = outcomeOf(
      id,
      answer,
      await sent(id, answer, runs, (executionId) => commandToGoOn(executionId, flags, cwd)),
    );
    if (isJson) await stdout.line(answerDocument(id, answer, { accepted, ...more }));
    else if (accepted) await stdout.line(word);
    if (!accepted) await stderr.line(word);
    return accepted ? EXIT.succeeded : EXIT.failed;
  } catch (thrown) {
    if (isJson && thrown instanceof UsageError) {
      await stdout.line(answerDocument(id, undefined, { accepted: false, error: { code: thrown.code, message: thrown.message } }));
    }
    throw thrown;
  }
}

async function sent(
  id: string,
  answer: Answer,
  runs: LiveRuns,
  toGoOn: (executionId: string) => Promise<string | undefined>,
): Promise<Asked<'decide'>> {
  const request = { type: 'decide', id, answer } as const satisfies Request;
  if (!fits(request)) throw new UsageError('LIMIT_EXCEEDED', '--value: an answer has at most a megabyte');
  const [executionId = ''] = id.split('/');
  const asked = await runs.ask(executionId, request);
  if (asked === undefined || asked.status === 'over') {
    const command = await toGoOn(executionId);
    if (command !== undefined) {
      const ended = asked ? `: ${asked.reason}` : '';
      throw new UsageError('INVALID_INPUT', `Nobody runs ${oneLine(executionId)} at present${ended}`, {
        hint: `${command}, then answer again`,
      });
    }
  }
  if (asked === undefined) {
    const hint = 'swarmchart approve lists what waits in the runs of this folder';
    const message = `No run "${oneLine(executionId)}" lives in this folder; it may be over.${didYouMean(executionId, await runs.ids())}`;
    throw new UsageError('INVALID_INPUT', message, { hint });
  }
  if (asked.status === 'replied' && !asked.reply.ok && isUsage(asked.reply.error)) {
    const { code, message } = asked.reply.error;
    throw new UsageError(code, message, { hint: 'swarmchart approve lists what waits, and for whom' });
  }
  return asked;
}

const USAGE: ReadonlySet<string> = new Set([
  'INVALID_INPUT',
  'INVALID_VALUE',
  'NOT_PERMITTED',
  'LIMIT_EXCEEDED',
  'SYNTAX_ERROR',
  'UNSAFE_KEY',
]);

const isUsage = ({ code }: Refusal): boolean => USAGE.has(code);

function answerOf({ reject, retry, abort, value, by, role }: ApproveFlags): Answer {
  const given = (['reject', 'retry', 'abort'] as const).filter((name) => ({ reject, retry, abort })[name]);
  const decision: Verdict = given[0] ?? 'approve';
  if (value !== undefined && decision !== 'approve') {
    throw new UsageError('INVALID_INPUT', `--value goes with an approval, and is lost with --${decision}`);
  }
  const person = by ?? accountName();
  return {
    decision,
    ...(value !== undefined && { value: readValue(value) }),
    ...(person !== undefined && { by: person }),
    ...(role !== undefined && { role }),
  };
}

/** JSON, or else the text as it is. */
function readValue(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** An account may have no name, as in containers. */
function accountName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
