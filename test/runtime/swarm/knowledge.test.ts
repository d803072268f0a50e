import { describe, expect, it } from 'vitest';
import { decompositionOf, MemoryKnowledge } from '../../../src/runtime/swarm/knowledge.ts';
import { decompose, definitionOf, planIn, SALES_TASKS, salesRoutines } from './definition-for-test.ts';

describe('the knowledge base in memory', () => {
  it('knows a goal whatever its case, spaces and final full stop', async () => {
    const knowledge = new MemoryKnowledge();
    await knowledge.remember('  Sell   more. ', SALES_TASKS);
    expect(await knowledge.find('sell more')).toEqual([{ goal: '  Sell   more. ', decomposition: SALES_TASKS }]);
    expect(await knowledge.find('sell less')).toEqual([]);
  });

  it('keeps the last decomposition of a goal, and a copy of it', async () => {
    const knowledge = new MemoryKnowledge();
    const decomposition = { subTasks: ['a'] };
    await knowledge.remember('g', { subTasks: [] });
    await knowledge.remember('G', decomposition);
    decomposition.subTasks.push('b');
    expect(await knowledge.find('g')).toEqual([{ goal: 'G', decomposition: { subTasks: ['a'] } }]);
  });

  it('forgets the goal that was remembered longest ago beyond a thousand', async () => {
    const knowledge = new MemoryKnowledge();
    for (let n = 0; n < 1_000; n++) await knowledge.remember(`g${n}`, n);
    await knowledge.remember('g0', 'again');
    await knowledge.remember('one more', 1);
    expect(await knowledge.find('g1')).toEqual([]);
    expect(await knowledge.find('g0')).toHaveLength(1);
    expect(await knowledge.find('g2')).toHaveLength(1);
  });

  it('refuses what is too big', async () => {
    const knowledge = new MemoryKnowledge();
    await expect(knowledge.remember('g', 'x'.repeat(300_000))).rejects.toMatchObject({ code: 'OUTPUT_TOO_LARGE' });
    expect(await knowledge.find('g')).toEqual([]);
  });

  it('has no goal by the name of a prototype', async () => {
    expect(await new MemoryKnowledge().find('__proto__')).toEqual([]);
  });
});

describe('a plan is turned back into the decomposition that it was made of', () => {
  it('when its tasks follow routines, named workflows and tools', () => {
    const { routines } = definitionOf({
      swarm: 's',
      workflows: { w: { steps: [{ id: 'x', tool: 'echo' }] } },
      routines: { data_analysis: { steps: [{ id: 'y', tool: 'slow' }] } },
    });
    const plan = planIn(
      decompose(
        [
          { id: 'a', requiredCapabilities: ['data_analysis'], parameters: { tone: 'dry' }, priority: 'high' },
          { id: 'b', description: 'B', workflow: 'w', dependencies: ['a'], role: 'r', onFailure: 'continue', maxAgents: 1 },
          { id: 'c', tool: 'echo', parameters: { message: '${b.result} {{goal}}' }, estimatedComplexity: 9 },
        ],
        { routines, roles: new Set(['r']) },
      ),
    );
    // As it comes from a journal: other objects.
    const stored = JSON.parse(JSON.stringify(plan)) as typeof plan;
    for (const given of [plan, stored]) {
      const decomposition = decompositionOf(given, routines);
      expect(planIn(decompose(decomposition, { routines, roles: new Set(['r']) }))).toEqual(plan);
    }
  });

  it('but not when a task has steps of its own', () => {
    const plan = planIn(decompose([{ id: 'a', steps: [{ id: 'x', tool: 'echo' }] }]));
    expect(decompositionOf(plan, salesRoutines())).toBeUndefined();
  });
});
