/** OTP's own supervisor is the oracle: what it did in each scenario was recorded by `record-otp.escript`. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RestartType } from '../../../src/machines/protocol/supervisor.ts';
import type { SupervisedChild, SupervisorDefinition } from '../../../src/runtime/supervision/definition.ts';
import type { Supervisor } from '../../../src/runtime/supervision/supervisor.ts';
import { Stage, statusesOf, tell } from './stage.ts';

type Child = readonly [id: string, restart: RestartType, significant: boolean, kind: string];
type Step = 'none' | 'stop' | readonly [what: string, ...rest: (string | number | Child)[]];

interface Observed {
  readonly step: Step;
  readonly answer: string;
  readonly events: readonly string[];
  readonly children: readonly (readonly [string, string])[] | null;
}

interface Scenario {
  readonly name: string;
  readonly strategy: string;
  readonly intensity: number;
  readonly period: number;
  readonly auto: string;
  readonly children: readonly Child[];
  readonly start: Observed;
  readonly steps: readonly Observed[];
}

const recorded: readonly Scenario[] = JSON.parse(readFileSync(new URL('../../fixtures/supervisor-otp.json', import.meta.url), 'utf8'));

const dashed = (word: string) => word.replaceAll('_', '-') as never;

const childOf = ([id, restart, significant, kind]: Child): SupervisedChild => ({
  id,
  src: kind === 'fails' ? 'broken' : 'worker',
  restart,
  significant,
  input: { id, kind },
});

function definitionOf({ strategy, intensity, period, auto, children }: Scenario): Partial<SupervisorDefinition> {
  const common = { intensity: { maxRestarts: intensity, withinMs: period * 1_000 }, autoShutdown: dashed(auto) };
  const [template] = children;
  if (strategy === 'simple_one_for_one' && template) return { ...common, template: childOf(template) };
  return { ...common, strategy: dashed(strategy), children: children.map(childOf) };
}

/** Does a step, and says the answer in the recording's words. */
async function take(stage: Stage, supervisor: Supervisor, step: Step): Promise<string> {
  if (step === 'none') return 'none';
  if (step === 'stop') {
    await supervisor.stop();
    return 'none';
  }
  const [what, subject, number] = step;
  const id = String(subject);
  switch (what) {
    case 'crash':
    case 'finish':
      tell(supervisor, id, what);
      return 'none';
    case 'fail_next':
      stage.failures.set(id, Number(number));
      return 'none';
    case 'sleep':
      stage.clock.advance(Number(subject));
      return 'none';
    case 'start':
      return said(await supervisor.startChild(Array.isArray(subject) ? childOf(subject as unknown as Child) : { id, input: { id } }));
    case 'terminate':
      return said(await supervisor.terminateChild(id));
    case 'restart':
      return said(await supervisor.restartChild(id));
    default:
      return said(await supervisor.deleteChild(id));
  }
}

function said({ ok, error }: { readonly ok?: unknown; readonly error?: { readonly code: string } | undefined }): string {
  if (error) return error.code;
  return ok !== undefined && (ok as { readonly id: unknown }).id === undefined ? 'ignored' : 'ok';
}

describe('a supervisor does what OTP does', () => {
  it.each(recorded.map((scenario) => [scenario.name, scenario] as const))('%s', async (_, scenario) => {
    const stage = new Stage();
    const { ok: supervisor } = await stage.start(definitionOf(scenario));
    const look = async (step: Step, answer: string): Promise<Observed> => {
      stage.clock.advance(0);
      const children = supervisor ? await statusesOf(supervisor) : null;
      const sorted = scenario.strategy === 'simple_one_for_one' ? (children?.toSorted() ?? null) : children;
      return { step, answer, events: stage.events(), children: sorted };
    };
    expect(await look('none', 'none')).toEqual(scenario.start);
    for (const expected of scenario.steps) {
      const answer = supervisor ? await take(stage, supervisor, expected.step) : 'STOPPED';
      expect(await look(expected.step, answer)).toEqual(expected);
    }
  });
});
