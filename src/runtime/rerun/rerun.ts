/**
 * A rerun: a new run that takes over what another one has done, up to a step, and does the rest again.
 *
 * What it takes over are facts of its own stream, recorded with its start; so the new run needs the other one no longer.
 */

import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { ExecutionContext, JsonObject } from '../../machines/protocol/execution.ts';
import type { Fact } from '../../machines/protocol/facts.ts';
import type { ReusedStep, RunJob } from '../../machines/protocol/run.ts';
import { sealed, secretsBeside } from '../../machines/secret-texts.ts';
import { reading } from '../door.ts';
import { checkRequest, checkRerun } from '../execution/requests.ts';
import type { JournalReader } from '../journal/journal.ts';
import { resolveInput } from '../workflow/input.ts';
import { IssueList, issuesToError } from '../workflow/issues.ts';
import { namedStep } from './named-step.ts';
import { selectionFrom } from './selection.ts';
import { type Source, sourceOf } from './source.ts';

export interface RerunOptions {
  /** Id of the step that runs again, with all that depends on it: a step of the run's own workflow, also one within a group. */
  readonly from: string;
  /** Laid over the input of the run before it. */
  readonly input?: JsonObject;
  /** Of the new run. @default one that is made up */
  readonly executionId?: string;
}

/** What a rerun would do. */
export interface Rerun {
  /** The run whose results are used. */
  readonly source: string;
  readonly from: string;
  readonly input: JsonObject;
  /** Ids of the steps that run again, as far as conditions let them, in the order of the plan. */
  readonly again: readonly string[];
  /** What is taken over of the others. A group that is `entered` runs some of its steps again. */
  readonly reused: readonly ReusedStep[];
}

/**
 * What a rerun of a run from a step would do, from the run's facts alone: nothing is started. Throws INVALID_INPUT with every problem of the facts,
 * or else of the step and the input.
 */
export function rerun(facts: readonly Fact[], options: RerunOptions): Rerun {
  const checked = checkRerun(options);
  return reading('The facts', () => planned(sourceOf(facts), checked));
}

export interface Surroundings {
  readonly journal: Pick<JournalReader, 'read'>;
  readonly now: () => number;
  readonly createId: () => string;
}

/** The job of the new run, and what it takes over. Throws also EXECUTION_NOT_FOUND, for an id of which the journal has no facts. */
export async function prepareRerun(
  given: string | readonly Fact[],
  options: RerunOptions,
  { journal, now, createId }: Surroundings,
): Promise<{ readonly job: RunJob; readonly reused: readonly ReusedStep[] }> {
  const checked = checkRerun(options);
  const facts = typeof given === 'string' ? await storedFacts(journal, given) : given;
  const source = reading('The facts', () => sourceOf(facts));
  const { from, input, reused } = reading('The facts', () => planned(source, checked));
  const { executionId } = checked;
  const { execution } = checkRequest({ context: { ...(executionId !== undefined && { executionId }) } }, createId, now());
  const { refusal: _, secrets, ...job } = source.job;
  const own = secretsBeside(secrets, (name) => Object.hasOwn(checked.input ?? {}, name));
  const rerunOf = { executionId: source.executionId, from };
  return { job: { ...job, execution: contextOf(source.job.execution, execution), input, rerunOf, ...sealed(own) }, reused };
}

async function storedFacts(journal: Surroundings['journal'], executionId: string): Promise<readonly Fact[]> {
  const [root = '', ...below] = executionId.split('/');
  const facts = await journal.read(root);
  if (facts.length > 0 && below.length === 0) return facts;
  const isBelow = facts.length > 0;
  const hint = isBelow ? `; it may be part of "${root}", of which only the whole can be rerun` : '';
  throw new SwarmchartError('EXECUTION_NOT_FOUND', `The journal has no execution "${executionId}"${hint}`);
}

function planned(source: Source, { from, input: given = {} }: RerunOptions): Rerun {
  const { plan, input: old } = source.job;
  const issues = new IssueList();
  const named = namedStep(source, from);
  if ('problem' in named) issues.add('INVALID_INPUT', ['from'], named.problem);
  const resolved = resolveInput(plan.inputs, { ...old, ...given });
  for (const { code, path, message } of resolved.issues) issues.add(code, ['input', ...path], message);
  if ('problem' in named || !issues.isEmpty) throw issuesToError(issues.all());
  const { again, reused } = selectionFrom(source, named.step);
  return {
    source: source.executionId,
    from,
    input: { ...resolved.input, ...source.setBefore(from), ...given },
    again: plan.steps.filter(({ ordinal }) => again.has(ordinal)).map(({ id }) => id),
    reused,
  };
}

/** Everything that says to whom the run belongs stays; a swarm that was the run itself is the new run itself. */
function contextOf(old: ExecutionContext, { executionId, timestamp }: ExecutionContext): ExecutionContext {
  return { ...old, executionId, timestamp, swarmId: old.swarmId === old.executionId ? executionId : old.swarmId };
}
