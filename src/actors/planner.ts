/**
 * The three helpers of a swarm: the planner decomposes its goal, the organizer forms its team, the synthesizer makes one result of many.
 *
 * Each waits until the facts that started it are committed, then calls what the runtime was given for it. Whatever that does, the actor is done
 * with a proposal or an outcome; it never crashes by somebody else's fault. Stopped, it aborts its signal, and what comes late is counted.
 */

import { fromPromise, type PromiseActorLogic } from 'xstate';
import { executionError, SwarmchartError } from '../machines/protocol/errors.ts';
import type {
  OrganizerInput,
  PlannerInput,
  PlanProposal,
  SwarmJob,
  SynthesisOutcome,
  SynthesizerInput,
  TeamProposal,
} from '../machines/protocol/swarm.ts';
import { wrapTierError } from './failure.ts';
import { toJson } from './json.ts';
import type { Counters, FactStreams, Secrets } from './services.ts';

export interface HelperServices {
  readonly streams: Pick<FactStreams, 'committed' | 'mayAct' | 'begin'>;
  readonly counters: Pick<Counters, 'abandoned' | 'lateResults'>;
  readonly plan: (input: PlannerInput, signal: AbortSignal) => PlanProposal | Promise<PlanProposal>;
  readonly organize: (input: OrganizerInput, signal: AbortSignal) => TeamProposal | Promise<TeamProposal>;
  /** Its result must be JSON of at most `maxOutputBytes`. */
  readonly synthesize: (input: SynthesizerInput, signal: AbortSignal) => unknown;
  readonly maxOutputBytes: number;
  readonly secrets: Pick<Secrets, 'scrub'>;
}

const MAX_GOAL_IN_MESSAGE = 200;

export const plannerActor = (services: HelperServices): PromiseActorLogic<PlanProposal, PlannerInput> =>
  helper(services, services.plan, (thrown, { job: { goal } }) => undecomposed(goal, thrown));

/** What a planner that threw came to: DECOMPOSITION_FAILED, with the goal and the cause in its message, and no issues to repair. Never throws. */
export function undecomposed(goal: string, thrown: unknown): PlanProposal {
  const { code, message, cause } = wrapTierError(thrown, 'tier1');
  const shown = goal.length > MAX_GOAL_IN_MESSAGE ? `${goal.slice(0, MAX_GOAL_IN_MESSAGE)}…` : goal;
  const why = code === 'DECOMPOSITION_FAILED' ? message : `Cannot decompose the goal "${shown}": ${message}`;
  return { ok: false, error: executionError('DECOMPOSITION_FAILED', why, 'tier1', cause && { cause }), issues: [] };
}

export const organizerActor = (services: HelperServices): PromiseActorLogic<TeamProposal, OrganizerInput> =>
  helper(services, services.organize, (thrown) => ({ ok: false, error: wrapTierError(thrown, 'tier1') }));

/** What is no JSON, or too much, fails as a tool's output does: INVALID_OUTPUT, UNSAFE_KEY, OUTPUT_TOO_LARGE. */
export const synthesizerActor = (services: HelperServices): PromiseActorLogic<SynthesisOutcome, SynthesizerInput> =>
  helper<SynthesisOutcome, SynthesizerInput>(
    services,
    async (input, signal) => {
      const result = await services.synthesize(input, signal);
      return { ok: true, result: toJson(result, 'The synthesizer', services.maxOutputBytes) };
    },
    (thrown) => ({ ok: false, error: wrapTierError(thrown, 'tier1') }),
  );

function helper<Output, Input extends { readonly job: SwarmJob }>(
  services: HelperServices,
  work: (input: Input, signal: AbortSignal) => Output | Promise<Output>,
  failed: (thrown: unknown, input: Input) => Output,
): PromiseActorLogic<Output, Input> {
  return fromPromise<Output, Input>(async ({ input, signal }) => {
    try {
      await passGate(services, input.job, signal);
      return services.secrets.scrub(await watched(services, input.job, signal, () => work(input, signal)));
    } catch (thrown) {
      return services.secrets.scrub(failed(thrown, input));
    }
  });
}

/** The chart's facts are before the gate only in the next turn. After a cancel was accepted nothing begins: the abort is on its way. */
async function passGate({ streams }: HelperServices, { execution }: SwarmJob, signal: AbortSignal): Promise<void> {
  await Promise.resolve();
  const gate = streams.committed(execution);
  if (gate) await gate;
  if (!signal.aborted && !streams.mayAct(execution)) {
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  if (signal.aborted) throw new SwarmchartError('CANCELLED', 'The swarm was left');
}

async function watched<T>(
  { counters, streams }: HelperServices,
  { execution }: SwarmJob,
  signal: AbortSignal,
  work: () => T | Promise<T>,
): Promise<T> {
  const abandon = (): void => {
    counters.abandoned++;
  };
  signal.addEventListener('abort', abandon, { once: true });
  const end = streams.begin(execution);
  signal.addEventListener('abort', end, { once: true });
  try {
    return await work();
  } finally {
    end();
    signal.removeEventListener('abort', end);
    signal.removeEventListener('abort', abandon);
    if (signal.aborted) counters.lateResults++;
  }
}
