import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Plan } from '../../../src/machines/protocol/plan.ts';
import { findCycles } from '../../../src/runtime/workflow/cycles.ts';
import { loadWorkflows } from '../../../src/runtime/workflow/load.ts';
import { codesOf, planOf, problemsOf } from './load-for-test.ts';

const withStep = (step: object): object => ({ id: 'w', steps: [{ id: 'a', tool: 'x', ...step }] });

function nested(levels: number): object {
  let step: object = { id: 'leaf', tool: 'x' };
  for (let level = 0; level < levels; level += 1) step = { id: `g${level}`, type: 'parallel', steps: [step] };
  return { id: 'w', steps: [step] };
}

/** Alternately a map, a loop and a workflow within a step. */
function bodies(levels: number): object {
  let steps: object[] = [{ id: 'leaf', tool: 'x' }];
  for (let level = 0; level < levels; level += 1) {
    const kinds = [
      { type: 'map', over: [], steps },
      { type: 'loop', maxIterations: 1, steps },
      { type: 'workflow', workflow: { steps } },
    ];
    steps = [{ id: 'b', ...kinds[level % 3] }];
  }
  return { id: 'w', steps };
}

const manyInputs = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`i${index}`, { type: 'string' }]));

function within(levels: number, core: unknown): unknown {
  let value = core;
  for (let level = 0; level < levels; level += 1) value = { x: value };
  return value;
}

const itself: Record<string, unknown> = { id: 'w' };
itself['steps'] = [itself, itself];

describe('what is too big is refused with LIMIT_EXCEEDED, not with an overflow', () => {
  it.each<[string, unknown]>([
    ['100,000 steps', { id: 'w', steps: Array.from({ length: 100_000 }, (_, index) => ({ id: `s${index}`, tool: 'x' })) }],
    ['10,000 nested groups', nested(10_000)],
    ['10,000 nested bodies', bodies(10_000)],
    [
      '20,000 steps in bodies',
      {
        id: 'w',
        steps: Array.from({ length: 101 }, (_, n) => ({
          id: `m${n}`,
          type: 'map',
          over: [],
          steps: Array.from({ length: 200 }, (_step, index) => ({ id: `s${index}`, tool: 'x' })),
        })),
      },
    ],
    ['20,000 inputs', { id: 'w', input: manyInputs, steps: [{ id: 'a', tool: 'x' }] }],
    ['an object within itself', itself],
    ['10,000 nested lists in a text', `steps: ${'['.repeat(10_000)}${']'.repeat(10_000)}`],
    ['10,000 nested dashes', `${'- '.repeat(10_000)}x`],
    ['1,000 nested blocks', Array.from({ length: 1_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['brackets that never close', '['.repeat(100_000)],
    ['more than 1 MiB of text', `id: w\ndescription: ${'ä'.repeat(600_000)}\n`],
    [
      'a bomb of aliases',
      `${['a: &a0 [x, x]', ...Array.from({ length: 30 }, (_, n) => `k${n}: &a${n + 1} [*a${n}, *a${n}]`)].join('\n')}\n`,
    ],
  ])('%s', (_, source) => {
    expect(codesOf(source)).toEqual(['LIMIT_EXCEEDED']);
  });

  it.each<[string, object]>([
    ['33 nested groups', nested(33)],
    ['33 nested bodies', bodies(33)],
    ['a list of 10,001 items', withStep({ tool: undefined, type: 'map', over: Array(10_001).fill(0), steps: [{ id: 's', tool: 'x' }] })],
    ['a compensation whose parameters are 33 levels deep', withStep({ compensate: { tool: 'x', parameters: within(34, 1) } })],
    ['parameters 33 levels deep', withStep({ parameters: within(34, 1) })],
    ['101 references in one text', withStep({ parameters: { x: '{{a}}'.repeat(101) } })],
    ['an expression bomb', withStep({ when: `${'('.repeat(100)}true${')'.repeat(100)}` })],
    ['an expression of 3,000 characters', withStep({ when: `"${'x'.repeat(3_000)}" == ""` })],
    ['nested macros', withStep({ when: '[1].all(x, [1].all(y, [1].all(z, true)))' })],
  ])('%s', (_, source) => {
    expect(codesOf(source)).toEqual(['LIMIT_EXCEEDED']);
  });

  it('reads what many bodies can read without copying it for each', () => {
    const body = (n: number): object => ({
      id: `m${n}`,
      type: 'map',
      over: [],
      steps: [{ id: 's', tool: 'x', parameters: { x: '{{i0}}' } }],
    });
    const input = Object.fromEntries(Object.entries(manyInputs).slice(0, 1_000));
    expect(codesOf({ id: 'w', input, steps: Array.from({ length: 10_000 }, (_, n) => body(n)) })).toEqual([]);
  });

  it('stops listing problems at 500 and counts the rest', () => {
    const problems = problemsOf({ id: 'w', steps: Array.from({ length: 600 }, (_, index) => ({ id: `s${index}`, tool: 'x', no: 1 })) });
    expect(problems).toHaveLength(501);
    expect(problems.at(-1)).toBe('(root) 100 more problems are not listed.');
  });

  it('walks a chain of 100,000 nodes and finds the ring that closes it', () => {
    const size = 100_000;
    const chain = Array.from({ length: size }, (_, node) => (node + 1 < size ? [node + 1] : []));
    expect(findCycles(chain)).toEqual([]);
    chain[size - 1] = [0];
    expect(findCycles(chain)[0]).toHaveLength(size);
  });
});

describe('keys that reach a prototype', () => {
  it.each(['__proto__', 'constructor', 'prototype'])('%s is refused at any depth, in text and in objects', (key) => {
    const json = `{"id":"w","steps":[{"id":"a","tool":"x","parameters":{"deep":[{"${key}":{"polluted":true}}]}}]}`;
    expect(problemsOf(json)).toEqual([
      expect.stringMatching(new RegExp(`^1:\\d+ steps\\[0\\]\\.parameters\\.deep\\[0\\]\\.${key} The key`)),
    ]);
    expect(codesOf(JSON.parse(json))).toEqual(['UNSAFE_KEY']);
    expect(codesOf({ workflows: JSON.parse(`{"${key}": {"steps": []}}`) })).toEqual(['UNSAFE_KEY']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('never runs a getter', () => {
    let ran = false;
    const sly = {
      steps: [],
      get id(): string {
        ran = true;
        return 'w';
      },
    };
    expect(codesOf(sly)).toContain('INVALID_VALUE');
    expect(ran).toBe(false);
  });
});

const words = fc.constantFrom(
  ...[
    'id',
    'steps',
    'type',
    'tool',
    'when',
    'condition',
    'then',
    'else',
    'dependencies',
    'retry',
    'retries',
    'fallbacks',
    'input',
    'workflow',
    'workflows',
    'over',
    'until',
    'compensate',
    'maxIterations',
    'approval',
  ],
  ...[
    'parallel',
    'conditional',
    'map',
    'loop',
    'wait',
    'agent',
    'expression',
    'step-result',
    'custom',
    'a',
    'b',
    'steps.a.result == 1',
    '${a.result}',
    '{{x',
    'error-handling',
    '__proto__',
  ],
);
const plausible = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    words,
    fc.jsonValue({ maxDepth: 2 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(words, tie('value'), { maxKeys: 6 }),
  ),
})).value;

describe('for any input', () => {
  it('the loader answers with plans or with problems, and never throws', () => {
    fc.assert(
      fc.property(plausible, (value) => {
        const { workflows, issues } = loadWorkflows(value);
        expect(workflows.length + issues.length).toBeGreaterThanOrEqual(Array.isArray(value) || isEmptyMap(value) ? 0 : 1);
      }),
      { numRuns: 1_000 },
    );
  });

  it('text is read without throwing', () => {
    const yamlish = fc.array(
      fc.constantFrom(
        '- ',
        ': ',
        '\n',
        '  ',
        '[',
        ']',
        '{',
        '}',
        '&a ',
        '*a',
        '? ',
        '|\n',
        '"',
        "'",
        '!x ',
        '#',
        ', ',
        'id',
        'steps',
        '---\n',
        '\t',
        '\u0000',
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          yamlish.map((parts) => parts.join('')),
        ),
        (text) => {
          expect(loadWorkflows(text)).toHaveProperty('issues');
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('gives the same plan from an object and from its JSON text', () => {
    fc.assert(
      fc.property(definitions, (definition) => {
        expect(planOf(JSON.stringify(definition))).toEqual(planOf(definition));
      }),
      { numRuns: 50 },
    );
  });

  it('makes plans that are complete and without cycles', () => {
    fc.assert(
      fc.property(definitions, (definition) => expectSound(planOf(definition))),
      { numRuns: 300 },
    );
  });
});

function isEmptyMap(value: unknown): boolean {
  const workflows = typeof value === 'object' && value !== null && 'workflows' in value ? value.workflows : undefined;
  return typeof workflows === 'object' && workflows !== null && Object.keys(workflows).length === 0;
}

interface DrawnStep {
  readonly id: string;
  readonly steps?: DrawnStep[];
  readonly [key: string]: unknown;
}

const KINDS = {
  tool: () => ({ tool: 'echo' }),
  parallel: (steps: DrawnStep[]) => ({ type: 'parallel', steps }),
  map: (steps: DrawnStep[]) => ({ type: 'map', over: [1], steps }),
  loop: (steps: DrawnStep[]) => ({ type: 'loop', maxIterations: 2, steps }),
  workflow: (steps: DrawnStep[]) => ({ type: 'workflow', workflow: { steps } }),
};
type Kind = keyof typeof KINDS;

/** Trees of steps, each of which reads some of its own body that were declared before it and do not contain it. */
const definitions = fc
  .array(
    fc.record({
      kind: fc.constantFrom<Kind>('tool', 'tool', 'tool', 'parallel', 'parallel', 'map', 'loop', 'workflow'),
      declares: fc.boolean(),
      closes: fc.nat(2),
      reads: fc.array(fc.nat(40), { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((drawn) => {
    const open: { readonly id: string; readonly body: string; readonly steps: DrawnStep[] }[] = [{ id: 'w', body: 'w', steps: [] }];
    const bodies = new Map<string, string>();
    for (const [index, { kind, declares, closes, reads }] of drawn.entries()) {
      open.length = Math.max(1, open.length - closes);
      const id = `s${index}`;
      const group = open.at(-1);
      const body = group?.body ?? 'w';
      const isAround = (other: string): boolean => open.some((around) => around.id === other);
      const readable = reads.map((read) => `s${read % (index + 1)}`).filter((other) => bodies.get(other) === body && !isAround(other));
      const steps: DrawnStep[] = [{ id: `${id}-first`, tool: 'echo' }];
      const parameters = kind === 'parallel' ? {} : { parameters: { x: readable.map((other) => `\${${other}.result}`) } };
      group?.steps.push({ id, ...(declares && { dependencies: readable }), ...parameters, ...KINDS[kind](steps) });
      bodies.set(id, body);
      if (kind !== 'tool' && open.length < 10) open.push({ id, body: kind === 'parallel' ? body : id, steps });
    }
    return { id: 'w', steps: open[0]?.steps ?? [] };
  });

function expectSound(plan: Plan): void {
  const settled = new Set<number>();
  const isReady = (ordinal: number): boolean => plan.steps[ordinal]?.dependsOn.every((other) => settled.has(other)) ?? false;
  for (let before = -1; settled.size > before; ) {
    before = settled.size;
    for (const { ordinal } of plan.steps) if (isReady(ordinal)) settled.add(ordinal);
  }
  expect(settled.size).toBe(plan.steps.length);
  for (const [ordinal, step] of plan.steps.entries()) {
    expect(step.ordinal).toBe(ordinal);
    expect(plan.ordinals[step.id]).toBe(ordinal);
    expect(plan.byRank[step.rank]).toBe(ordinal);
    for (const other of step.dependsOn) {
      expect(plan.steps[other]?.dependents).toContain(ordinal);
      expect(plan.steps[other]?.parent).toBe(step.parent);
    }
    for (const child of step.children) expect(plan.steps[child]?.parent).toBe(ordinal);
    if (step.parent !== undefined) expect(step.parent).toBeLessThan(ordinal);
    if ('plan' in step.work) expectSound(step.work.plan);
  }
  expect(plan.sinks.length).toBeGreaterThan(0);
}
