/** Small plans for runs under test. Ids count up (`s0`, `s1` …) in declaration order, parents before their children. */

import type { Plan, PlanStep } from '../../../src/machines/protocol/plan.ts';

export interface StepSpec extends Partial<Omit<PlanStep, 'children' | 'dependsOn'>> {
  /** Places among the steps of the same level and branch, earlier ones only. */
  readonly after?: readonly number[];
  readonly branches?: readonly StepSpec[];
  readonly then?: readonly StepSpec[];
  readonly else?: readonly StepSpec[];
}

type Draft = { -readonly [Key in keyof PlanStep]: PlanStep[Key] };

export function planOf(specs: readonly StepSpec[]): Plan {
  const steps: Draft[] = [];
  addLevel(steps, specs, {});
  for (const step of steps) {
    step.rank = step.ordinal;
    step.dependents = steps.filter(({ dependsOn }) => dependsOn.includes(step.ordinal)).map(({ ordinal }) => ordinal);
  }
  return {
    id: 'plan',
    name: 'Plan',
    version: '1.0.0',
    steps,
    ordinals: Object.fromEntries(steps.map(({ id, ordinal }) => [id, ordinal])),
    byRank: steps.map(({ ordinal }) => ordinal),
    sinks: steps.filter(({ parent, dependents }) => parent === undefined && dependents.length === 0).map(({ ordinal }) => ordinal),
    metadata: {},
  };
}

function addLevel(steps: Draft[], specs: readonly StepSpec[], place: Pick<PlanStep, 'parent' | 'branch'>): number[] {
  const ordinals: number[] = [];
  for (const { after = [], branches, then, else: otherwise, ...more } of specs) {
    const ordinal = steps.length;
    const type = branches ? 'parallel' : then ? 'conditional' : 'tool';
    const draft: Draft = { ...blankStep(ordinal, type), ...place, ...more };
    draft.dependsOn = [...new Set(after.map((index) => ordinals[index]).filter((found) => found !== undefined))];
    steps.push(draft);
    draft.children = [
      ...addLevel(steps, branches ?? [], { parent: ordinal }),
      ...addLevel(steps, then ?? [], { parent: ordinal, branch: 'then' }),
      ...addLevel(steps, otherwise ?? [], { parent: ordinal, branch: 'else' }),
    ];
    ordinals.push(ordinal);
  }
  return ordinals;
}

const WORK = {
  tool: { kind: 'tool', tool: 'fetch', strategy: 'deterministic', parameters: {}, parametersFrom: [] },
  parallel: { kind: 'group' },
  conditional: { kind: 'condition', condition: { type: 'custom', handler: 'isLarge', steps: [] } },
} as const;

const blankStep = (ordinal: number, type: keyof typeof WORK): PlanStep => ({
  ordinal,
  id: `s${ordinal}`,
  name: `s${ordinal}`,
  type,
  work: WORK[type],
  dependsOn: [],
  dependents: [],
  children: [],
  priority: 5,
  rank: ordinal,
  when: [],
  timeoutMs: 10_000,
  fallbacks: [],
  onFailure: 'stop',
  credits: '3',
  onBranchFailure: 'collect',
});

/** A tool step that reads what does not exist. */
export const UNRESOLVED: StepSpec = { work: { ...WORK.tool, parameters: { url: '{{missing}}' } } };

const body = (specs: readonly StepSpec[]): Plan => planOf(specs);
const until = { type: 'expression', expression: 'true', steps: [] } as const;
const undo = { tool: 'undo', parameters: {}, timeoutMs: 1_000, credits: '1' } as const;

/** Steps that are runs of their own, or wait, or can be undone. */
export const OWN = {
  workflow: { type: 'workflow', work: { kind: 'workflow', plan: body([{}]), parameters: {} }, credits: '0' },
  map: { type: 'map', work: { kind: 'map', plan: body([{}]), parameters: {}, over: [1, 2], as: 'item' }, credits: '0' },
  emptyMap: { type: 'map', work: { kind: 'map', plan: body([{}]), parameters: {}, over: [], as: 'item' }, credits: '0' },
  loop: { type: 'loop', work: { kind: 'loop', plan: body([]), parameters: {}, maxIterations: 2, until }, credits: '0' },
  count: { type: 'loop', work: { kind: 'loop', plan: body([{}]), parameters: {}, maxIterations: 2 }, credits: '0' },
  timer: { type: 'wait', work: { kind: 'wait', for: { type: 'timer', durationMs: 100 } }, credits: '0' },
  signal: { type: 'wait', work: { kind: 'wait', for: { type: 'signal', name: 'go' } }, credits: '0' },
  approval: { type: 'wait', work: { kind: 'wait', for: { type: 'approval' } }, credits: '0' },
  undone: { compensation: undo },
  undoneWrongly: { compensation: { ...undo, parameters: { url: '{{missing}}' } } },
} satisfies Readonly<Record<string, StepSpec>>;

/** A condition that must hold first. */
export const WHEN: StepSpec = { when: [until] };
