/** Plans of playbooks, of a user's planner and of the knowledge base, carried out: what each task is given, and what is remembered. */

import { expect, it } from 'vitest';
import { type AnyTool, type KnowledgeBase, MemoryKnowledge, type Planner } from '../../../src/index.ts';
import { startRuntime } from '../../support/start-runtime.ts';
import { SALES_TASKS } from './definition-for-test.ts';

/** Gives back what it was given. */
const given: AnyTool = { name: 'given', run: (parameters: unknown) => parameters };
const braces: AnyTool = { name: 'braces', run: (parameters: object) => ({ ...parameters, text: 'left {{alone}} ${as.result}' }) };
const agents = [{ id: 'anyone', capabilities: ['data_analysis', 'content_generation'], maxConcurrentTasks: 5 }];

/** A runtime with the tool, and the source of the plan of one of its swarms. */
async function startWorld(planner?: Planner) {
  const knowledge = new MemoryKnowledge();
  const { promise: remembered, resolve } = Promise.withResolvers<void>();
  const watched: KnowledgeBase = {
    find: (goal) => knowledge.find(goal),
    remember: (goal, decomposition) => knowledge.remember(goal, decomposition).then(resolve),
  };
  const world = await startRuntime({ tools: [given, braces], knowledge: watched, ...(planner && { planner }) });
  const sourceOf = async (executionId: string) => {
    const facts = await world.journal.read(executionId);
    return facts.flatMap(({ type, payload }) =>
      type === 'tier1/swarm/decomposed' ? [(payload as { readonly plan: { readonly source: string } }).plan.source] : [],
    );
  };
  return { ...world, remembered, sourceOf, [Symbol.asyncDispose]: world[Symbol.asyncDispose] };
}

it('a playbook is carried out, with the input of the swarm and the results of earlier tasks', async () => {
  await using world = await startWorld();
  const count = { 'a "strange" }} name': 42, text: 'left {{alone}} ${as.result}' };
  const swarm = world.runtime.swarm(
    {
      swarm: 'sales',
      goal: 'Report on {{region}}',
      input: { region: { type: 'string' } },
      agents,
      workflows: { tell: { input: { text: { type: 'string' } }, steps: [{ id: 'say', tool: 'given', parameters: { text: '{{text}}' } }] } },
      routines: {
        content_generation: {
          steps: [
            { id: 'all', tool: 'given', parameters: { goal: '{{goal}}', why: '{{description}}', all: '{{results}}', r: '{{region}}' } },
          ],
        },
      },
      playbooks: [
        {
          id: 'reports',
          goals: 'report on *',
          tasks: [
            { id: 'count', tool: 'braces', parameters: { 'a "strange" }} name': 42 } },
            {
              id: 'read',
              tool: 'given',
              parameters: { n: '${count.result.nothing}', region: 'in {{region}}' },
              onFailure: 'continue',
            },
            { id: 'say', workflow: 'tell', parameters: { text: '{{goal}}: ${count.status}, ${count.result.text}' } },
            { id: 'write', description: 'Write it up', requiredCapabilities: ['content_generation'], dependencies: ['count', 'say'] },
          ],
        },
      ],
    },
    { input: { region: 'the north' } },
  );
  const result = await swarm.result();
  expect(result.result).toMatchObject({
    goal: 'Report on the north',
    summary: expect.stringMatching(/^3 of 4 tasks completed\. Failed: read \(UNRESOLVED_REFERENCE: /),
    tasks: {
      count,
      read: null,
      say: { text: 'Report on the north: completed, left {{alone}} ${as.result}' },
      write: {
        goal: 'Report on the north',
        why: 'Write it up',
        all: { count, say: { text: 'Report on the north: completed, left {{alone}} ${as.result}' } },
        r: 'the north',
      },
    },
  });
  expect(await world.sourceOf(swarm.executionId)).toEqual(['reports']);
  await world.checkInvariants(swarm.executionId);
});

it('what a planner has found out is known when it has nothing more to say', async () => {
  let asked = 0;
  await using world = await startWorld(() => (++asked === 1 ? SALES_TASKS : undefined));
  const steps = [{ id: 'do', tool: 'given', parameters: { goal: '{{goal}}' } }];
  const definition = { swarm: 'sales', agents, routines: { data_analysis: { steps }, content_generation: { steps } } };
  const first = world.runtime.swarm(definition, { goal: 'Sell more' });
  expect(await first.result()).toMatchObject({ success: true });
  await world.remembered;
  const second = world.runtime.swarm(definition, { goal: 'sell MORE.' });
  expect(await second.result()).toMatchObject({ success: true, result: { tasks: { task_2: { goal: 'sell MORE.' } } } });
  expect(await world.sourceOf(first.executionId)).toEqual(['planner']);
  expect(await world.sourceOf(second.executionId)).toEqual(['knowledge']);
});

it('what did not work out is not remembered', async () => {
  let asked = 0;
  await using world = await startWorld(() => (++asked === 1 ? [{ id: 'a', tool: 'given', requiredCapabilities: ['quantum'] }] : undefined));
  const definition = { swarm: 'sales', agents };
  expect(await world.runtime.swarm(definition, { goal: 'Leap' }).result()).toMatchObject({ error: { code: 'NO_CAPABLE_AGENT' } });
  const { error } = await world.runtime.swarm(definition, { goal: 'Leap' }).result();
  expect(error).toMatchObject({ code: 'DECOMPOSITION_FAILED', message: expect.stringContaining('No playbook fits the goal "Leap"') });
});
