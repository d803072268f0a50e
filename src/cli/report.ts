/** What is printed when a run is over: its result on stdout, how it went and what to do next on stderr. */

import { stringify } from 'yaml';
import type { Json } from '../machines/protocol/execution.ts';
import type { Ending } from './execute.ts';
import { EXIT, exitCodeOfFailure, exitCodeOfSignal, oneLine, printDuration, type UsageError } from './outcome.ts';
import type { StepBoard } from './progress/step-board.ts';

export type Format = 'human' | 'json' | 'jsonl';

const DOCUMENT_VERSION = 1;

export function exitCodeOf({ status, error, signal, hasStrays }: Ending): number {
  if (signal) return exitCodeOfSignal(signal);
  if (status === 'waiting' || status === 'paused') return EXIT.waiting;
  if (status === 'completed') return hasStrays ? EXIT.failed : EXIT.succeeded;
  return exitCodeOfFailure(error ?? undefined);
}

/** The result as one line of JSON. A run that was left for a person names the steps that wait. */
export function endingDocument(ending: Ending, board: StepBoard, format: Format): string {
  const { status, result, error, resourcesUsed, duration, executionId, workflow } = ending;
  const waitingFor = board.rows('waiting').map((row) => ({ stepId: row.stepId, error: row.error ?? null }));
  return JSON.stringify({
    ...(format === 'jsonl' && { type: 'result' }),
    v: DOCUMENT_VERSION,
    status,
    result,
    error,
    resourcesUsed,
    duration,
    executionId,
    workflow,
    ...(status === 'waiting' && { waitingFor }),
  });
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
export function endingLines(ending: Ending, board: StepBoard, format: Format, advice?: string): readonly string[] {
  const { status, workflow, error, signal, duration, resourcesUsed, hasStrays } = ending;
  const credits = resourcesUsed && resourcesUsed.creditsUsed !== '0' ? `, ${resourcesUsed.creditsUsed} credits` : '';
  const figures = `${board.summary()}, ${printDuration(duration)}${credits}`;
  const strays = hasStrays ? ['next: find the promise that is neither awaited nor caught; it may have hidden a failure'] : [];
  if (status === 'completed') return [`${workflow} completed: ${figures}`, ...strays];
  if (status === 'waiting') return [`${workflow} waits for a person: ${figures}`, ...waitingLines(board)];
  if (status === 'paused') return [`${workflow} is paused: ${figures}`, 'next: run it through the API, and call resume() on its handle'];
  const where = board.fatal ? ` in step "${board.fatal.stepId}"` : '';
  const reason = error && !signal ? [`  ${error.code}: ${oneLine(error.message, 2_000)}`] : [];
  const cancelled = signal ? ` by ${signal}${error?.code === 'RUNTIME_STOPPED' ? ', at once: steps may not have ended' : ''}` : where;
  return [
    `${workflow} ${status}${cancelled}: ${figures}`,
    ...reason,
    ...(advice === undefined ? nextStep(ending, board, format) : [`next: ${advice}`]),
  ];
}

function waitingLines(board: StepBoard): readonly string[] {
  const waiting = board.rows('waiting');
  const [first] = waiting;
  return [
    ...waiting.map(
      ({ stepId, error }) =>
        `  step "${stepId}" waits for a decision about ${error?.code ?? 'a failure'}: ${oneLine(error?.message ?? '')}`,
    ),
    'next: the command line cannot answer, and this run is over. Through the API it would wait for:',
    `  execution.decide(${JSON.stringify(first?.stepId ?? 'step')}, { decision: 'approve', value: … })   // or 'retry', 'reject', 'abort'`,
  ];
}

function nextStep({ error, signal }: Ending, board: StepBoard, format: Format): readonly string[] {
  if (signal || !error) return [];
  if (error.code === 'RUN_TIMEOUT') return ['next: allow more with --timeout MS'];
  if (exitCodeOfFailure(error) === EXIT.timedOut) return [`next: give step "${board.fatal?.stepId ?? ''}" a longer timeout, or retries`];
  if (error.retryable) return ['next: this kind of failure may pass: run it again, or give the step retries'];
  return format === 'jsonl' ? [] : ['next: see every fact of a run with --jsonl'];
}
