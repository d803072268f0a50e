/** What a run says to whoever is above it, by the effects of its chart. */

import { describe, expect, it } from 'vitest';
import { initialTransition, transition } from 'xstate';
import { evolveRun, type RunState, runMachine } from '../../src/machines/machines.ts';
import { NO_USAGE } from '../../src/machines/protocol/execution.ts';
import type { RunFact } from '../../src/machines/protocol/run.ts';
import type { RunEvent } from '../../src/machines/run.decisions.ts';
import { FRESH_RUN } from '../../src/machines/run.state.ts';
import { OWN, type StepSpec } from './paths/plans.ts';
import { aRun } from './paths/runs.ts';

interface Effect {
  readonly type: string;
  readonly params?: unknown;
}

/** Tells a fresh run something, and returns what it reports and records with each event. */
function tell(specs: readonly StepSpec[], events: readonly RunEvent[], restored?: RunState) {
  const input = { ...aRun(specs), ...(restored && { restored }) };
  const [first, effects] = initialTransition(runMachine, input);
  let snapshot = first;
  const said = [reportsIn(effects)];
  const facts: RunFact[] = factsIn(effects);
  for (const event of events) {
    const [next, following] = transition(runMachine, snapshot, event);
    snapshot = next;
    said.push(reportsIn(following));
    facts.push(...factsIn(following));
  }
  return { said, facts, state: snapshot.context.state };
}

const reportsIn = (effects: readonly Effect[]): string[] =>
  effects.flatMap(({ type, params }) => {
    if (type !== 'report') return [];
    const { message } = params as { readonly message: { readonly type: string; readonly epoch?: number } };
    return [message.epoch === undefined ? message.type : `${message.type} ${message.epoch}`];
  });
const factsIn = (effects: readonly Effect[]): RunFact[] =>
  effects.flatMap(({ type, params }) => (type === 'commit' ? [...(params as { readonly facts: readonly RunFact[] }).facts] : []));

const at = Date.UTC(2026, 0, 1) + 1;
const pause = (epoch: number): RunEvent => ({ type: 'execution.pause', at, epoch });
const parked: RunEvent = { type: 'execution.paused', id: 's0', epoch: 1, at };
const resume: RunEvent = { type: 'execution.resume', at };
const waits: RunEvent = { type: 'execution.waiting', id: 's0', at };
const goesOn: RunEvent = { type: 'execution.continued', id: 's0', at };
const done: RunEvent = {
  type: 'child.done',
  id: 's0',
  incarnation: 1,
  at,
  output: { status: 'completed', output: 1, attempts: 1, usage: NO_USAGE },
};

describe('a run that is paused', () => {
  it('tells whoever asked, with the epoch that it was asked with', () => {
    expect(tell([{}], [pause(3), parked]).said).toEqual([[], [], ['execution.paused 3']]);
  });

  it('tells nobody when it was a client', () => {
    expect(tell([{}], [pause(0), parked]).said.flat()).toEqual([]);
  });

  it('answers the last one above it who asked, without starting the pause again', () => {
    const { said, facts } = tell([{}], [pause(0), pause(3), pause(3), pause(4), parked]);
    expect(said).toEqual([[], [], [], [], [], ['execution.paused 4']]);
    const pausing = facts.flatMap(({ type, payload }) => (type === 'tier2/routine/pausing' ? [payload] : []));
    expect(pausing).toEqual([
      { epoch: 1, asked: 0 },
      { epoch: 1, asked: 3 },
      { epoch: 1, asked: 4 },
    ]);
  });

  it('answers at once when it is paused already, and records nothing', () => {
    const { said, facts } = tell([{}], [pause(0), parked, pause(5)]);
    expect(said.at(-1)).toEqual(['execution.paused 5']);
    expect(facts.at(-1)?.type).toBe('tier2/routine/paused');
  });
});

describe('a run whose children wait', () => {
  const specs: readonly StepSpec[] = [OWN.workflow, { after: [0] }];

  it('says that it waits, and that it goes on', () => {
    expect(tell(specs, [waits, goesOn]).said).toEqual([[], ['execution.waiting'], ['execution.continued']]);
    expect(tell(specs, [waits, done]).said).toEqual([[], ['execution.waiting'], ['execution.continued']]);
  });

  it('says once what it is told twice', () => {
    const { said, facts } = tell(specs, [waits, waits, goesOn, goesOn]);
    expect(said.flat()).toEqual(['execution.waiting', 'execution.continued']);
    expect(facts.filter(({ type }) => type === 'tier2/step/waiting')).toHaveLength(1);
  });

  it('does not say that it goes on when it waits again at once', () => {
    expect(tell(specs, [waits, pause(3), parked, resume]).said).toEqual([
      [],
      ['execution.waiting'],
      [],
      ['execution.paused 3'],
      ['execution.waiting'],
    ]);
  });

  it('says again after a restart whether it waits or goes on, for who is above may not have heard it', () => {
    const foldOf = (facts: readonly RunFact[]) => facts.reduce(evolveRun, FRESH_RUN);
    expect(tell(specs, [], foldOf(tell(specs, [waits]).facts)).said).toEqual([['execution.waiting']]);
    expect(tell(specs, [], foldOf(tell(specs, [waits, goesOn]).facts)).said).toEqual([['execution.continued']]);
  });
});
