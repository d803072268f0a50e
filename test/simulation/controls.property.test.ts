/**
 * Any sequence of controls, at any moment, over a whole runtime: a run with a run within it, a swarm, a step of its own, agents, people. Every
 * control answers, with a value or a SwarmchartError; whatever was cancelled is cancelled; everything ends; the invariants hold; nothing is left.
 */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MailQueue } from '../../src/actors/post-office.ts';
import { createRuntime, MemoryJournal, SwarmchartError, type ToolContext, type WorkflowDefinition } from '../../src/index.ts';
import { wakeRuns } from '../../src/testing/simulated-runs.ts';
import { answerAll, settlePromises, signalAll, VirtualClock, violations, wakeAll } from '../../src/testing/testing.ts';
import { wait } from '../support/tools.ts';

const WORKFLOW = {
  id: 'all',
  steps: [
    { id: 'work', tool: 'work', retry: { maxRetries: 2, backoff: { baseMs: 500 } }, compensate: { tool: 'quick' } },
    { id: 'after', tool: 'suspendable', dependencies: ['work'] },
    { id: 'ask', type: 'wait', approval: true, onFailure: 'continue' },
    { id: 'go', type: 'wait', signal: 'go', timeout: 300_000, onFailure: 'continue' },
    { id: 'helped', type: 'agent', capabilities: ['help'], tool: 'work', onFailure: 'continue' },
    {
      id: 'inner',
      type: 'workflow',
      onFailure: 'continue',
      workflow: {
        id: 'within',
        steps: [
          { id: 'deep', tool: 'suspendable', fallbacks: [{ on: 'any', action: 'escalate-to-human' }] },
          { id: 'nap', type: 'wait', duration: 2_000 },
        ],
      },
    },
  ],
} as unknown as WorkflowDefinition;
const SWARM = {
  id: 'all',
  goal: 'all',
  agents: [
    { id: 'one', capabilities: ['gather'] },
    { id: 'two', capabilities: ['gather'] },
  ],
  routines: {
    gather: {
      id: 'gathering',
      steps: [
        { id: 'a', tool: 'suspendable' },
        { id: 'b', tool: 'work', dependencies: ['a'] },
      ],
    },
  },
  tasks: [
    { id: 'first', requiredCapabilities: ['gather'] },
    { id: 'second', requiredCapabilities: ['gather'], dependencies: ['first'], onFailure: 'continue' as const },
  ],
};

async function startStage(isFlaky: (calls: number) => boolean) {
  const clock = new VirtualClock();
  const journal = new MemoryJournal();
  let calls = 0;
  const work = async (_: unknown, { signal }: ToolContext) => {
    const fails = isFlaky(++calls);
    await wait(clock, 1_000, signal);
    if (fails) throw new Error('as told');
    return null;
  };
  const suspendable = async (_: unknown, { signal, checkpoint }: ToolContext) => {
    await wait(clock, 700, signal);
    await checkpoint();
    await wait(clock, 700, signal);
    return null;
  };
  let ids = 0;
  const runtime = await createRuntime({
    clock,
    journal,
    createId: () => `extra-${++ids}`,
    carrier: new MailQueue(Number.POSITIVE_INFINITY),
    tools: [
      { name: 'work', breaker: false, run: work },
      { name: 'suspendable', breaker: false, onPause: 'suspend', run: suspendable },
      { name: 'quick', run: () => null },
    ],
    agents: [{ id: 'helper', capabilities: ['help'], maxConcurrentTasks: 2, initialize: () => undefined }],
    faults: {},
  });
  const run = runtime.run(WORKFLOW, { context: { executionId: 'run' } });
  const swarm = runtime.swarm(SWARM, { context: { executionId: 'swarm' } });
  const step = runtime.tier3.execute({ context: { executionId: 'step' }, input: { stepId: 's', toolName: 'suspendable' } });
  return { clock, journal, runtime, run, swarm, step };
}
type Stage = Awaited<ReturnType<typeof startStage>>;

const people = ['approve', 'reject', 'retry', 'abort'] as const;
/** What may be done; `cancels` names the execution that is then cancelled if the answer is `true`. */
const CONTROLS: readonly { readonly name: string; readonly cancels?: string; readonly call: (stage: Stage) => unknown }[] = [
  { name: 'run.pause', call: ({ run }) => run.pause() },
  { name: 'run.resume', call: ({ run }) => run.resume() },
  { name: 'run.cancel', cancels: 'run', call: ({ run }) => run.cancel() },
  { name: 'run.signal', call: ({ run }) => run.signal('go') },
  { name: 'run.setVariable', call: ({ run }) => run.setVariable('a', 1) },
  { name: 'run.snapshot', call: ({ run }) => run.snapshot() },
  ...people.map((decision) => ({ name: `run.decide ${decision}`, call: ({ run }: Stage) => run.decide('ask', { decision }) })),
  ...people.map((decision) => ({
    name: `approvals.decide ${decision}`,
    call: ({ runtime }: Stage) => runtime.approvals.decide(runtime.approvals.list()[0]?.id ?? 'run/ask', { decision }),
  })),
  { name: 'breakers.forceOpen tool', call: ({ runtime }) => runtime.breakers.forceOpen('tool', 'quick') },
  { name: 'breakers.reset tool', call: ({ runtime }) => runtime.breakers.reset('tool', 'quick') },
  { name: 'breakers.forceOpen agent', call: ({ runtime }) => runtime.breakers.forceOpen('agent', 'helper') },
  { name: 'breakers.forceClose agent', call: ({ runtime }) => runtime.breakers.forceClose('agent', 'helper') },
  { name: 'breakers.forceOpen system', call: ({ runtime }) => runtime.breakers.forceOpen('system') },
  { name: 'breakers.reset system', call: ({ runtime }) => runtime.breakers.reset('system') },
  { name: 'breakers.forceClose system', call: ({ runtime }) => runtime.breakers.forceClose('system') },
  { name: 'swarm.decideTask', call: ({ swarm }) => swarm.decideTask('first', { decision: 'retry' }) },
  { name: 'errors.list', call: ({ runtime }) => runtime.errors.list() },
  { name: 'supervisor.whichChildren', call: ({ runtime }) => runtime.supervisor.whichChildren() },
  { name: 'inner.pause', call: ({ run }) => run.run('inner')?.pause() },
  { name: 'inner.resume', call: ({ run }) => run.run('inner')?.resume() },
  { name: 'inner.cancel', call: ({ run }) => run.run('inner')?.cancel() },
  { name: 'swarm.pause', call: ({ swarm }) => swarm.pause() },
  { name: 'swarm.resume', call: ({ swarm }) => swarm.resume() },
  { name: 'swarm.cancel', cancels: 'swarm', call: ({ swarm }) => swarm.cancel() },
  { name: 'swarm.snapshot', call: ({ swarm }) => swarm.snapshot() },
  { name: 'task.pause', call: ({ swarm }) => swarm.run('first')?.pause() },
  { name: 'task.resume', call: ({ swarm }) => swarm.run('first')?.resume() },
  { name: 'task.cancel', call: ({ swarm }) => swarm.run('first')?.cancel() },
  { name: 'tier3.pause', call: ({ runtime }) => runtime.tier3.pause('step') },
  { name: 'tier3.resume', call: ({ runtime }) => runtime.tier3.resume('step') },
  { name: 'tier3.cancelExecution', cancels: 'step', call: ({ runtime }) => runtime.tier3.cancelExecution('step') },
  { name: 'agents.crash helper', call: ({ runtime }) => runtime.agents.crash('helper') },
  { name: 'agents.crash another', call: ({ runtime }) => runtime.agents.crash(runtime.agents.list().at(-1)?.spec.id ?? '') },
  { name: 'agents.unregister', call: ({ runtime }) => runtime.agents.unregister('helper', { graceMs: 100 }) },
  { name: 'agents.register', call: ({ runtime }) => runtime.agents.register({ id: 'helper', capabilities: ['help'] }) },
  { name: 'agents.lease', call: async ({ runtime }) => (await runtime.agents.lease({ capabilities: ['help'], ttlMs: 1_000 })).release() },
  { name: 'runtime.run again', call: ({ runtime }) => runtime.run(WORKFLOW, { context: { executionId: 'run' } }) },
  { name: 'runtime.restore', call: async ({ runtime, journal }) => runtime.restore(await journal.read('run')) },
  { name: 'blackboard.set', call: ({ runtime }) => runtime.blackboard('swarm').set('key', 1) },
  { name: 'tasks.executeTask', call: ({ runtime }) => runtime.tasks.executeTask({ tool: 'quick' }).outcome() },
];

const anyMove = fc.record({
  after: fc.oneof(
    { weight: 3, arbitrary: fc.record({ microtasks: fc.nat(30) }) },
    { weight: 2, arbitrary: fc.constant({ turns: 1 }) },
    { weight: 2, arbitrary: fc.record({ ms: fc.integer({ min: 1, max: 2_500 }) }) },
  ),
  control: fc.nat(CONTROLS.length - 1),
});

async function pass(
  { clock }: Stage,
  after: { readonly microtasks?: number; readonly turns?: number; readonly ms?: number },
): Promise<void> {
  for (let left = after.microtasks ?? 0; left > 0; left--) await Promise.resolve();
  if (after.turns !== undefined) await settlePromises();
  if (after.ms !== undefined) await clock.advanceAsync(after.ms);
}

/** A client who wants all of it to end: resumes what is paused, answers what is asked. */
async function bringToAnEnd({ clock, runtime, run, swarm }: Stage): Promise<void> {
  const isOver = (status: string | undefined) => status === undefined || ['completed', 'failed', 'cancelled'].includes(status);
  const isEverythingOver = () => [run.status, swarm.status, runtime.tier3.getExecutionStatus('step')].every(isOver);
  for (const { scope, key } of runtime.breakers.list()) runtime.breakers.forceClose(scope, key);
  for (let turns = 0; turns < 60 && !isEverythingOver(); turns++) {
    await Promise.all([run.resume(), swarm.resume(), runtime.tier3.resume('step')]);
    await wakeAll(run);
    await answerAll(run, 'approve');
    await signalAll(run);
    await wakeRuns((await swarm.snapshot()).tasks.flatMap(({ id }) => swarm.run(id) ?? []));
    await clock.advanceAsync(10_000);
  }
}

const RUNS = Number(process.env['CONTROL_RUNS'] ?? 100);

it(
  'any sequence of controls at any moment keeps every invariant',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyMove, { maxLength: 25, size: 'max' }),
        fc.array(fc.boolean(), { maxLength: 12 }),
        async (moves, flaky) => {
          const stage = await startStage((calls) => flaky[calls] ?? false);
          const { clock, journal, runtime, run, swarm, step } = stage;
          const cancelled = new Set<string>();
          const open = new Set<string>();
          const wrong: string[] = [];
          let asked = 0;
          const answer = async (name: string, cancels: string | undefined, call: () => unknown) => {
            const id = `${name} #${++asked}`;
            open.add(id);
            try {
              const value = await call();
              if (value === true && cancels !== undefined) cancelled.add(cancels);
            } catch (thrown) {
              if (!(thrown instanceof SwarmchartError)) wrong.push(`${name} threw ${String(thrown)}`);
            }
            open.delete(id);
          };
          for (const { after, control } of moves) {
            await pass(stage, after);
            const chosen = CONTROLS[control];
            if (chosen) void answer(chosen.name, chosen.cancels, () => chosen.call(stage));
          }
          await bringToAnEnd(stage);
          const results = { run: await run.result(), swarm: await swarm.result(), step: await step };
          await clock.advanceAsync(60_000);
          for (const [name, { status }] of Object.entries(results)) {
            if (cancelled.has(name) && status !== 'cancelled') wrong.push(`${name} was cancelled, and is ${status}`);
            wrong.push(...violations(await journal.read(name)));
          }
          for (const { spec, currentLoad } of runtime.agents.list()) if (currentLoad > 0) wrong.push(`${spec.id} is still busy`);
          const { executions, actorsWithTimers } = runtime.vitals;
          expect({ wrong, executions, actorsWithTimers }).toEqual({ wrong: [], executions: 0, actorsWithTimers: 0 });
          await runtime.stop({ graceMs: 0 });
          await settlePromises();
          expect([...open], 'controls without an answer').toEqual([]);
          expect(clock.pending).toBe(0);
        },
      ),
      { numRuns: RUNS },
    );
  },
  60_000 + RUNS * 500,
);
