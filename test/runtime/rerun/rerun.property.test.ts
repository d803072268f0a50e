/**
 * A rerun of any workflow from any step, of a run that ended or broke off anywhere: it does what it must, once, and comes to what a fresh run
 * comes to.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Fact, rerun, SwarmchartError, type WorkflowDefinition } from '../../../src/index.ts';
import type { RunState } from '../../../src/machines/machines.ts';
import { foldStream } from '../../../src/runtime/journal/restoration.ts';
import { violations } from '../../../src/testing/testing.ts';
import { CountingJournal } from '../../support/counting-journal.ts';
import { startRuntime } from '../../support/start-runtime.ts';

/** A step of a generated workflow, with what it is known to depend on. */
interface Node {
  readonly id: string;
  readonly after: readonly string[];
  readonly kind: 'tool' | 'parallel' | 'conditional';
  readonly when: boolean;
  readonly cap: number;
  readonly isFailFast: boolean;
  readonly then: readonly Node[];
  readonly else: readonly Node[];
}

interface Draft {
  readonly after: readonly number[];
  readonly kind: number;
  readonly when: number;
  readonly cap: number;
  readonly isFailFast: boolean;
  readonly then: readonly Draft[];
  readonly else: readonly Draft[];
}

const { drafts } = fc.letrec<{ draft: Draft; drafts: Draft[] }>((tie) => ({
  draft: fc.record({
    after: fc.array(fc.nat(4), { maxLength: 2 }),
    kind: fc.nat(4),
    when: fc.nat(3),
    cap: fc.nat(2),
    isFailFast: fc.boolean(),
    then: fc.oneof({ maxDepth: 2 }, fc.constant([]), tie('drafts')),
    else: fc.oneof({ maxDepth: 2 }, fc.constant([]), tie('drafts')),
  }),
  drafts: fc.array(tie('draft'), { minLength: 1, maxLength: 4 }),
}));

function nodesOf(level: readonly Draft[], count: { n: number }): Node[] {
  const ids: string[] = [];
  return level.map(({ after, kind, when, cap, isFailFast, then, else: otherwise }) => {
    const id = `s${count.n++}`;
    const isGroup = then.length > 0 && kind < 4;
    const name = !isGroup ? 'tool' : kind < 2 ? 'parallel' : 'conditional';
    const node: Node = {
      id,
      after: [...new Set(after.flatMap((place) => ids[place] ?? []))],
      kind: name,
      when: when === 3,
      cap,
      isFailFast,
      then: isGroup ? nodesOf(then, count) : [],
      else: name === 'conditional' ? nodesOf(otherwise, count) : [],
    };
    ids.push(id);
    return node;
  });
}

const workflow = drafts.map((level) => nodesOf(level, { n: 0 })).filter((nodes) => allOf(nodes).length <= 14);

function allOf(nodes: readonly Node[]): Node[] {
  return nodes.flatMap((node) => [node, ...allOf(node.then), ...allOf(node.else)]);
}

const definitionOf = (nodes: readonly Node[]): WorkflowDefinition =>
  ({ id: 'generated', steps: nodes.map(stepOf) }) as unknown as WorkflowDefinition;

function stepOf(node: Node): object {
  const { id, after, kind } = node;
  const common = { id, dependencies: after, ...(node.when && { when: 'input.wanted' }) };
  if (kind === 'tool') return { ...common, tool: 'work', credits: '1', parameters: { of: after.map((each) => `\${${each}.result}`) } };
  if (kind === 'conditional') {
    return { ...common, type: 'conditional', condition: 'input.wanted', then: node.then.map(stepOf), else: node.else.map(stepOf) };
  }
  const policy = { onBranchFailure: node.isFailFast ? 'fail-fast' : 'collect', ...(node.cap > 0 && { maxConcurrency: node.cap }) };
  return { ...common, type: 'parallel', ...policy, steps: node.then.map(stepOf) };
}

/** The step and what depends on it; around it, what depends on its groups. */
function dependents(nodes: readonly Node[], id: string): Set<string> {
  const found = new Set<string>();
  const isWithin = (node: Node): boolean => node.id === id || [...node.then, ...node.else].some(isWithin);
  for (const level of levelsOf(nodes)) {
    const changed = new Set(level.filter(isWithin).map((node) => node.id));
    for (const node of level) {
      if (node.after.some((each) => changed.has(each))) changed.add(node.id);
      if (node.id === id || (changed.has(node.id) && !isWithin(node))) for (const { id: each } of allOf([node])) found.add(each);
    }
  }
  return found;
}

const levelsOf = (nodes: readonly Node[]): Node[][] => [
  [...nodes],
  ...nodes.flatMap(({ then, else: otherwise }) => [...levelsOf(then), ...levelsOf(otherwise)]),
];

async function startWorld() {
  const journal = new CountingJournal();
  const calls: string[] = [];
  const broken = new Set<string>();
  const work = {
    name: 'work',
    run: (parameters: { readonly of: readonly unknown[] }, { stepId }: { readonly stepId: string }) => {
      calls.push(stepId);
      if (broken.has(stepId)) throw new SwarmchartError('INVALID_PARAMETERS', `"${stepId}" is broken`);
      return { stepId, of: JSON.stringify(parameters.of) };
    },
  };
  const world = await startRuntime({ journal, tools: [work as never] });
  return { ...world, journal, calls, broken, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

const completedIn = (facts: readonly Fact[], executionId: string): Set<string> =>
  new Set(
    facts.flatMap(({ type, payload, executionId: of }) =>
      type === 'tier2/step/completed' && of === executionId ? [(payload as { readonly stepId: string }).stepId] : [],
    ),
  );

/** Steps whose tool has returned, by what is committed. */
const workedIn = (facts: readonly Fact[]): Set<string> =>
  new Set(
    facts.flatMap(({ type, payload }) => (type === 'tier3/execution/completed' ? [(payload as { readonly stepId: string }).stepId] : [])),
  );

describe('a rerun', () => {
  it('calls the tools of what it must, once each, and comes to what a fresh run comes to', async () => {
    const ends = { rerun: 0, refused: 0, completed: 0, failed: 0, cut: 0, reused: 0, entered: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          nodes: workflow,
          wanted: fc.boolean(),
          from: fc.nat(),
          broken: fc.nat(),
          how: fc.nat(3),
          cut: fc.nat(),
          places: fc.integer({ min: 1, max: 3 }),
        }),
        async ({ nodes, wanted, from, broken, how, cut, places }) => {
          await using world = await startWorld();
          const { runtime, journal, calls } = world;
          const all = allOf(nodes);
          const definition = definitionOf(nodes);
          const asked = { input: { wanted }, allocation: { maxConcurrentSteps: places } };
          const fresh = await runtime.run(definition, asked).result();
          expect(fresh.status).toBe('completed');
          const freshCalls = calls.splice(0);
          const name = all[from % all.length]?.id ?? '';
          // A run that completes, one that fails somewhere, one that broke off, one that did both.
          if (how > 1) world.broken.add(all[broken % all.length]?.id ?? '');
          const first = runtime.run(definition, asked);
          const ended = await first.result();
          calls.splice(0);
          world.broken.clear();
          const told = await journal.read(first.executionId);
          const commits = journal.commits.get(first.executionId) ?? [];
          const facts = how % 2 === 1 ? told.slice(0, commits[cut % commits.length]) : told;
          const before = JSON.stringify(facts);
          const done = completedIn(facts, first.executionId);
          let plan: ReturnType<typeof rerun>;
          try {
            plan = rerun(facts, { from: name });
          } catch (error) {
            expect((error as SwarmchartError).message).toMatch(/was never reached/);
            expect(isReached(facts, first.executionId, nodes, name)).toBe(false);
            ends.refused++;
            return;
          }
          expect(isReached(facts, first.executionId, nodes, name)).toBe(true);
          const again = await runtime.rerun(facts, { from: name });
          const result = await again.result();
          const mustRun = dependents(nodes, name);
          const expected = freshCalls.filter((id) => mustRun.has(id) || !done.has(id));
          expect([...calls].sort()).toEqual(expected.sort());
          expect(result.result).toEqual(fresh.result);
          expect(result.status).toBe('completed');
          expect(result.resourcesUsed.creditsUsed).toBe(String(expected.length));
          expect(JSON.stringify(facts)).toBe(before);
          expect(await journal.read(first.executionId)).toEqual(told);
          const own = await journal.read(again.executionId);
          expect(violations(own)).toEqual([]);
          expect(plan.again.filter((id) => expected.includes(id)).sort()).toEqual(expected.sort());
          ends[ended.status === 'completed' ? 'completed' : 'failed']++;
          ends.rerun++;
          if (facts.length < told.length) ends.cut++;
          if (plan.reused.length > 0) ends.reused++;
          if (plan.reused.some(({ status }) => status === 'entered')) ends.entered++;

          // Cut at any commit, it goes on to the same end, and calls nothing that had completed.
          const ownCommits = journal.commits.get(again.executionId) ?? [];
          const length = ownCommits[cut % ownCommits.length] ?? 1;
          await using other = await startWorld();
          const known = workedIn(own.slice(0, length));
          const restored = await other.runtime.restore(own.slice(0, length));
          expect((await restored.result()).result).toEqual(fresh.result);
          expect([...other.calls].sort()).toEqual(expected.filter((id) => !known.has(id)).sort());
          expect(violations(await other.journal.read(again.executionId))).toEqual([]);
        },
      ),
      { numRuns: 250 },
    );
    console.log(ends);
    expect(Math.min(...Object.values(ends))).toBeGreaterThan(0);
  }, 120_000);
});

/** What it depends on, and what its groups depend on, has completed or was skipped; its groups were let in, on its branch. */
function isReached(facts: readonly Fact[], executionId: string, nodes: readonly Node[], id: string): boolean {
  const state = foldStream(facts).get(executionId) as RunState;
  const statusOf = (each: string) => state.records.get(state.job?.plan.ordinals[each] ?? -1)?.status;
  const isDone = (each: string): boolean => {
    const skips = facts.find(({ type, payload }) => type === 'tier2/step/skipped' && (payload as { stepId: string }).stepId === each);
    const reason = (skips?.payload as { readonly reason: string } | undefined)?.reason;
    return statusOf(each) === 'completed' || (statusOf(each) === 'skipped' && (reason === 'condition' || reason === 'branch-not-taken'));
  };
  const isLetIn = (node: Node): boolean =>
    (node.kind === 'parallel' && !node.when) ||
    facts.some(({ type, payload }) => type === 'tier2/step/branched' && (payload as { stepId: string }).stepId === node.id);
  const chosen = (node: Node): 'then' | 'else' | undefined =>
    (
      facts.find(({ type, payload }) => type === 'tier2/step/branched' && (payload as { stepId: string }).stepId === node.id)?.payload as
        | { readonly branch?: 'then' | 'else' }
        | undefined
    )?.branch;
  const leads = (level: readonly Node[]): boolean | undefined => {
    for (const node of level) {
      const upTo = (): boolean => ancestorsDone(level, node);
      if (node.id === id) return upTo();
      const then = leads(node.then);
      const otherwise = leads(node.else);
      const inner = then ?? otherwise;
      if (inner === undefined) continue;
      const branch = node.kind === 'parallel' ? undefined : then === undefined ? 'else' : 'then';
      return upTo() && isLetIn(node) && chosen(node) === branch && inner;
    }
    return undefined;
  };
  const ancestorsDone = (level: readonly Node[], node: Node): boolean =>
    node.after.every((each) => isDone(each) && ancestorsDone(level, level.find((one) => one.id === each) as Node));
  return leads(nodes) ?? false;
}
