/** What is printed when a run is over: its result on stdout, how it went and what to do next on stderr. */

import { stringify } from 'yaml';
import type { Json } from '../machines/protocol/execution.ts';
import type { Ending } from './execute.ts';
import { EXIT, exitCodeOfFailure, exitCodeOfSignal, oneLine, printDuration, shellWord, type UsageError } from './outcome.ts';
import type { Board } from './progress/board.ts';
import { pathOf } from './progress/names.ts';
import type { Row } from './progress/rows.ts';

export type Format = 'human' | 'json' | 'jsonl';

const DOCUMENT_VERSION = 1;

export function exitCodeOf({ status, error, signal, isExpired, hasStrays }: Ending): number {
  if (signal) return exitCodeOfSignal(signal);
  if (isExpired) return EXIT.timedOut;
  if (status === 'waiting' || status === 'paused' || status === 'interrupted') return EXIT.waiting;
  if (status === 'completed') return hasStrays ? EXIT.failed : EXIT.succeeded;
  return exitCodeOfFailure(error ?? undefined);
}

/** The result as one line of JSON. */
export const endingDocument = (ending: Ending, board: Board, format: Format): string =>
  JSON.stringify({ ...(format === 'jsonl' && { type: 'result' }), v: DOCUMENT_VERSION, ...endingData(ending, board) });

/** What was left for a person names the steps that wait, and the obligations that are not met. */
export function endingData(ending: Ending, board: Board): object {
  const { status, result, error, resourcesUsed, duration, executionId, kind, name } = ending;
  return {
    status,
    result,
    error,
    resourcesUsed,
    duration,
    executionId,
    [kind]: name,
    ...(status === 'waiting' && { waitingFor: waitingFor(board) }),
  };
}

function waitingFor(board: Board): readonly object[] {
  const steps = board.waiting.map((row) => {
    const { id, runId, error = null, waitsFor } = row;
    if (isTask(row, board)) return { taskId: id, error };
    return { stepId: id, error, ...(runId !== board.root && { executionId: runId }), ...(waitsFor && { for: waitsFor }) };
  });
  return [...steps, ...board.unmet];
}

/** The same for what was refused before anything ran. */
export function refusalDocument({ code, message, issues }: UsageError, format: Format): string {
  return JSON.stringify({
    ...(format === 'jsonl' && { type: 'result' }),
    v: DOCUMENT_VERSION,
    status: 'refused',
    result: null,
    error: { code, message, issues },
    resourcesUsed: null,
    duration: 0,
    executionId: null,
    workflow: null,
  });
}

/** Texts as they are, anything else as YAML. */
export function printValue(value: Json): string {
  return typeof value === 'string' ? value : stringify(value, { lineWidth: 0 }).trimEnd();
}

/** `advice` takes the place of the usual next step. */
export function endingLines(ending: Ending, board: Board, format: Format, advice?: string): readonly string[] {
  const { status, kind, name, error, signal, duration, resourcesUsed, hasStrays } = ending;
  const credits = resourcesUsed && resourcesUsed.creditsUsed !== '0' ? `, ${resourcesUsed.creditsUsed} credits` : '';
  const tokens = resourcesUsed?.tokensUsed ? `, ${resourcesUsed.tokensUsed} tokens` : '';
  const figures = `${board.summary()}, ${printDuration(duration)}${credits}${tokens}`;
  const strays = hasStrays ? ['next: find the promise that is neither awaited nor caught; it may have hidden a failure'] : [];
  if (status === 'completed') return [`${name} completed: ${figures}`, ...strays];
  if (status === 'waiting') return [`${name} waits for a person: ${figures}`, ...waitingLines(ending, board)];
  if (status === 'paused')
    return [`${name} is paused: ${figures}`, `next: ${resuming(ending) ?? 'run it through the API, and call resume() on its handle'}`];
  if (status === 'interrupted') {
    return [`${name} was interrupted${signal ? ` by ${signal}` : ''}, and has not ended: ${figures}`, `next: ${resuming(ending)}`];
  }
  const where = board.fatal ? ` in ${kind === 'swarm' ? 'task' : 'step'} "${board.fatal.label}"` : '';
  const reason = error && !signal ? [`  ${error.code}: ${oneLine(error.message, 2_000)}`] : [];
  const cancelled = signal ? ` by ${signal}${error?.code === 'RUNTIME_STOPPED' ? ', at once: steps may not have ended' : ''}` : where;
  return [
    `${name} ${status}${cancelled}: ${figures}`,
    ...reason,
    ...(advice === undefined ? nextStep(ending, board, format) : [`next: ${advice}`]),
  ];
}

/** The command with which it goes on; undefined where nothing was kept of it. */
const resuming = ({ executionId, kept }: Ending): string | undefined => kept && `swarmchart resume ${shellWord(executionId)}${kept.option}`;

function waitingLines(ending: Ending, board: Board): readonly string[] {
  const { kind } = ending;
  const steps = board.waiting;
  const resume = resuming(ending);
  const calls = [
    ...steps.map((row) => answerTo(row, board, kind)),
    ...board.unmet.map(
      ({ normId }) => `swarm.decide(${JSON.stringify(normId)}, { decision: 'approve' })   // or 'retry', 'reject', 'abort'`,
    ),
  ];
  return [
    ...steps.map((row) => `  ${isTask(row, board) ? 'task' : 'step'} "${row.label}" waits for ${waitOf(row)}`),
    ...board.unmet.map(
      ({ normId, role, mission, open }) =>
        `  obligation "${oneLine(normId)}" waits for a decision: "${oneLine(role)}" has not done "${oneLine(mission)}" in time${open.length > 0 ? `, still open: ${open.join(', ')}` : ''}`,
    ),
    ...commandFor(board, resume),
    ...(resume === undefined ? throughApi(calls) : []),
  ];
}

const throughApi = (calls: readonly string[]): readonly string[] => [
  'This run is over. Through the API it would wait for:',
  ...calls.slice(0, 1).map((call) => `  ${call}`),
];

const isTask = ({ runId }: Row, board: Board): boolean => board.holdsTasks && runId === board.root;

const canRetry = ({ waitsFor, canRetry: may }: Row): boolean => !waitsFor && may !== false;

/** The command that would answer. `RUN` stands for the id that every run has anew, where none of it is kept. */
function commandFor({ waiting, unmet, root }: Board, resume: string | undefined): readonly string[] {
  const row = waiting.find(({ waitsFor }) => waitsFor?.type !== 'signal');
  const subject = row ? row.key.slice(root.length) : unmet[0] && `/${unmet[0].normId}`;
  if (subject === undefined) return ['next: the command line sends no signals, a program can'];
  const stay = resume === undefined ? 'swarmchart run FILE --wait-for-people' : `${resume} --wait-for-people`;
  const options = row && !canRetry(row) ? '--reject, --abort' : '--retry, --reject, --abort';
  return [
    `next: ${stay}   # then it stays, and is answered from another terminal in this folder:`,
    `  swarmchart approve ${shellWord(`${resume === undefined ? 'RUN' : root}${subject}`)}   # or ${options}; "swarmchart approve" alone lists what waits`,
  ];
}

function waitOf({ waitsFor, error }: Row): string {
  if (!waitsFor) return `a decision about ${error?.code ?? 'a failure'}: ${oneLine(error?.message ?? '')}`;
  if (waitsFor.type === 'signal') return `the signal "${oneLine(waitsFor.name)}"`;
  return waitsFor.type === 'approval' && waitsFor.prompt !== undefined ? `an approval: ${oneLine(waitsFor.prompt)}` : 'an approval';
}

/** The call that would answer for a task or a step, however deep its run lives. */
function answerTo(row: Row, board: Board, kind: Ending['kind']): string {
  const { id, runId, waitsFor } = row;
  const path = pathOf(runId, board.root).map((step) => `.run(${JSON.stringify(step)})?`);
  const holder = `${kind === 'swarm' ? 'swarm' : 'execution'}${path.join('')}`;
  if (waitsFor?.type === 'signal') return `${holder}.signal(${JSON.stringify(waitsFor.name)})`;
  const others = canRetry(row) ? "'retry', 'reject', 'abort'" : "'reject', 'abort'";
  const call = isTask(row, board) ? 'decideTask' : 'decide';
  return `${holder}.${call}(${JSON.stringify(id)}, { decision: 'approve', value: … })   // or ${others}`;
}

function nextStep({ error, signal, isExpired }: Ending, board: Board, format: Format): readonly string[] {
  if (signal || !error) return [];
  if (isExpired || error.code === 'RUN_TIMEOUT' || error.code === 'SWARM_TIMEOUT') return ['next: allow more with --timeout MS'];
  if (exitCodeOfFailure(error) === EXIT.timedOut) return [`next: give step "${board.culprit?.label ?? ''}" a longer timeout, or retries`];
  if (error.code === 'NO_CAPABLE_AGENT')
    return ['next: an agent of the file or of the configuration must have these capabilities, and be able to start'];
  if (error.retryable) return [`next: this kind of failure may pass: run it again${board.culprit ? ', or give the step retries' : ''}`];
  return format === 'jsonl' ? [] : ['next: see every fact of a run with --jsonl'];
}
