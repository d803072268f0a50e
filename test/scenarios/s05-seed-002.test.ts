/**
 * S05: the workflows of the Basir L3 source, verbatim but for its damaged Arabic, with fake actions that take their time.
 * Proves RUN-2, RUN-3, RUN-4, RUN-6, RUN-10, RUN-20 and CFG-5.
 */

import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Carrier } from '../../src/actors/post-office.ts';
import {
  type AnyTool,
  type Fact,
  type JsonObject,
  loadWorkflow,
  loadWorkflows,
  type Plan,
  type SwarmchartError,
  type ToolContext,
} from '../../src/index.ts';
import { VirtualClock } from '../../src/testing/testing.ts';
import { parseLines, Workspace } from '../cli/terminal-for-test.ts';
import { startRuntime } from '../support/start-runtime.ts';
import { wait } from '../support/tools.ts';

const text = await readFile(new URL('../fixtures/l3-workflows.yml', import.meta.url), 'utf8');
const DESCRIPTION = 'تحسين أداء تطبيق Flutter';
/** UTF-8 of the description as it was written, letter by letter. */
const BYTES = 'd8aad8add8b3d98ad98620d8a3d8afd8a7d8a120d8aad8b7d8a8d98ad98220466c7574746572';
const bytesOf = (value: string | undefined): string => Buffer.from(value ?? '').toString('hex');

const ACTIONS = {
  flutter_performance_analysis: 200_000,
  optimize_flutter_widgets: 500_000,
  run_flutter_tests: 800_000,
  analyze_riverpod_providers: 1_000,
  optimize_riverpod_rebuilds: 1_000,
};

/** Actions that take so many milliseconds each, and when each of them ran. */
async function basir(durations: Partial<typeof ACTIONS> = {}) {
  const clock = new VirtualClock();
  const began = clock.now();
  const calls: string[] = [];
  const tools = Object.entries({ ...ACTIONS, ...durations }).map(
    ([name, ms]): AnyTool => ({
      name,
      run: async (_: unknown, { signal, stepId }: ToolContext) => {
        const from = clock.now() - began;
        await wait(clock, ms, signal);
        calls.push(`${stepId} ${from / 1_000}-${(clock.now() - began) / 1_000}`);
        return { [name]: DESCRIPTION };
      },
    }),
  );
  /** All letters within one turn of the event loop: no time passes on the clock while one is on its way. */
  const carrier: Carrier = { carry: (letter) => queueMicrotask(() => letter.open()) };
  const world = await startRuntime({ clock, tools, carrier });
  const run = (workflow: string) => world.runtime.run(loadWorkflow(text, { registry: world.runtime.registry, workflow }));
  return { ...world, clock, calls, run, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

const planIn = (facts: readonly Fact[]) =>
  (facts.find(({ type }) => type === 'tier2/routine/started')?.payload as { readonly job: { readonly plan: Plan } } | undefined)?.job.plan;

describe('S05: the workflows of the YAML document', () => {
  it('runs tasks of 200, 500 and 800 s one after another, although each is longer than 30 s', async () => {
    await using world = await basir();
    const run = world.run('flutter_optimization');
    await world.clock.advanceAsync(1_600_000);
    expect(await run.result()).toMatchObject({ success: true, status: 'completed', duration: 1_500_000 });
    expect(world.calls).toEqual(['analyze_performance 0-200', 'optimize_widgets 200-700', 'run_tests 700-1500']);
    const facts = await world.checkInvariants(run.executionId);
    const limits = facts
      .filter(({ type }) => type === 'tier3/execution/started')
      .map(({ at, payload }) => (payload as { dueAt: number }).dueAt - at);
    expect(limits).toEqual([300_000, 600_000, 900_000]);
  });

  it('ends a task that takes a second too long, and skips what waits for it', async () => {
    await using world = await basir({ optimize_flutter_widgets: 601_000 });
    const run = world.run('flutter_optimization');
    await world.clock.advanceAsync(1_600_000);
    const { error, duration } = await run.result();
    expect(error).toMatchObject({ code: 'STEP_TIMEOUT', tier: 'tier3', context: { stepId: 'optimize_widgets', timeout: 600_000 } });
    expect(duration).toBe(800_000);
    expect(world.calls).toEqual(['analyze_performance 0-200']);
    const { steps } = await run.snapshot();
    expect(steps.map(({ id, status }) => `${id} ${status}`)).toEqual([
      'analyze_performance completed',
      'optimize_widgets timed_out',
      'run_tests skipped',
    ]);
    await world.checkInvariants(run.executionId);
  });

  it('gives the second workflow what the document leaves out', async () => {
    await using world = await basir();
    const { plan } = loadWorkflow(text, { registry: world.runtime.registry, workflow: 'riverpod_optimization' });
    expect(plan).toMatchObject({ version: '1.0.0', name: 'Riverpod State Management Optimization' });
    expect(plan.steps.map(({ timeoutMs, retry }) => [timeoutMs, retry?.maxRetries ?? 0])).toEqual([
      [30_000, 0],
      [30_000, 0],
    ]);
    const run = world.run('riverpod_optimization');
    await world.clock.advanceAsync(10_000);
    expect(await run.result()).toMatchObject({ success: true, duration: 2_000 });
    expect(world.calls).toEqual(['analyze_providers 0-1', 'optimize_rebuilds 1-2']);
    await world.checkInvariants(run.executionId);
  });

  it('keeps the Arabic byte for byte: in its status, in events, in the journal and in the report', async () => {
    await using world = await basir();
    const heard: Fact[] = [];
    world.runtime.events.subscribe('tier2/routine/started', (fact) => void heard.push(fact));
    const run = world.run('flutter_optimization');
    await world.clock.advanceAsync(1_000);
    const { workflow, steps } = await run.snapshot();
    expect(workflow).toEqual({
      id: 'flutter_optimization',
      name: 'Flutter Performance Optimization',
      version: '1.0.0',
      description: DESCRIPTION,
    });
    expect(bytesOf(workflow?.description)).toBe(BYTES);
    expect(steps.map(({ name }) => name)).toEqual(['تحليل الأداء', 'تحسين الويدجت', 'تشغيل الاختبارات']);
    await world.clock.advanceAsync(1_600_000);
    const { result } = await run.result();
    expect(bytesOf((result as { run_flutter_tests: string }).run_flutter_tests)).toBe(BYTES);
    expect(bytesOf(planIn(heard)?.description)).toBe(BYTES);
    const facts = await world.checkInvariants(run.executionId);
    expect(bytesOf(planIn(JSON.parse(JSON.stringify(facts)) as Fact[])?.description)).toBe(BYTES);
  });

  it('keeps it so on the command line, in every fact and in the report', async () => {
    const config = `const tool = (name) => ({ name, run: () => ({ report: '${DESCRIPTION}' }) });
export default { tools: ${JSON.stringify(Object.keys(ACTIONS))}.map(tool) };`;
    using folder = new Workspace({ 'l3-workflows.yml': text, 'swarmchart.config.mjs': config });
    const run = (...flags: string[]) => folder.run('run', 'l3-workflows.yml', '--workflow', 'flutter_optimization', ...flags);
    const lines = parseLines((await run('--jsonl')).stdout);
    expect(bytesOf(planIn(lines as unknown as Fact[])?.description)).toBe(BYTES);
    expect(lines.at(-1)).toMatchObject({ type: 'result', status: 'completed', result: { report: DESCRIPTION } });
    const { exitCode, stdout } = await run();
    expect({ exitCode, stdout: bytesOf(stdout) }).toEqual({ exitCode: 0, stdout: bytesOf(`report: ${DESCRIPTION}\n`) });
  });

  it('reports a cycle with its path, a duplicate id and unknown actions at once, each with its place', () => {
    const broken = `workflows:
  broken:
    tasks:
      - { id: a, type: analysis, action: flutter_performance_analysis, dependencies: [b] }
      - { id: b, type: analysis, action: run_fluter_tests, dependencies: [c] }
      - { id: c, type: analysis, action: run_flutter_tests, dependencies: [a] }
      - { id: b, type: analysis, action: paint_the_house }
`;
    const action = (name: string) => Object.hasOwn(ACTIONS, name);
    const registry = {
      hasTool: action,
      hasModule: () => false,
      hasOperation: () => false,
      hasStrategy: () => true,
      hasCondition: () => false,
      names: () => Object.keys(ACTIONS),
    };
    expect(loadWorkflows(broken, { registry }).issues.map(({ code, line, message }) => `${line} ${code} ${message}`)).toEqual([
      '4 DEPENDENCY_CYCLE The steps wait for each other: a → b → c → a.',
      '5 TOOL_NOT_FOUND There is no tool "run_fluter_tests". Did you mean "run_flutter_tests"?',
      '7 DUPLICATE_ID The id "b" is already taken by an earlier step.',
      '7 TOOL_NOT_FOUND There is no tool "paint_the_house".',
    ]);
    expect(() => loadWorkflow(broken, { registry })).toThrow(
      expect.objectContaining<Partial<SwarmchartError>>({ code: 'WORKFLOW_INVALID', retryable: false }),
    );
  });

  it('becomes a template, which names the parameter that is missing', async () => {
    await using world = await basir();
    const { templates } = world.runtime;
    const { workflows } = parse(text) as { workflows: Record<string, JsonObject> };
    templates.createTemplate({
      id: 'tune',
      description: DESCRIPTION,
      parameters: { project: { type: 'string' } },
      workflow: { ...workflows['riverpod_optimization'], id: 'tune-<%project%>' },
    });
    expect(templates.getTemplates().map(({ id, description }) => [id, bytesOf(description)])).toEqual([['tune', BYTES]]);
    expect(() => templates.instantiateFromTemplate('tune')).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining('The parameter "project" (string) is required.') }),
    );
    templates.instantiateFromTemplate('tune', { project: 'basir' });
    const run = world.runtime.run('tune-basir');
    await world.clock.advanceAsync(10_000);
    expect(await run.result()).toMatchObject({ success: true, duration: 2_000 });
    await world.checkInvariants(run.executionId);
  });
});
