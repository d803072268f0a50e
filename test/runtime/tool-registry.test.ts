import { describe, expect, it } from 'vitest';
import { createRuntime } from '../../src/index.ts';
import { startRuntime } from '../support/start-runtime.ts';

const tool = (name: string) => ({ name, run: () => `${name} ran` });

describe('the tools of a runtime', () => {
  it('have echo among them from the start', async () => {
    await using world = await startRuntime({ tools: [tool('own')] });
    expect(world.runtime.tools.list().map(({ name }) => name)).toEqual(['echo', 'own']);
    expect(world.runtime.tools.get('own')?.name).toBe('own');
    expect(world.runtime.tools.get('constructor')).toBeUndefined();
  });

  it('can be registered later, and steps can name them from then on', async () => {
    await using world = await startRuntime();
    const workflow = { id: 'w', steps: [{ id: 'late', tool: 'latecomer' }] };
    expect(await world.runtime.run(workflow).result()).toMatchObject({ success: false, error: { code: 'TOOL_NOT_FOUND' } });
    world.runtime.tools.register(tool('latecomer'));
    expect(await world.runtime.run(workflow).result()).toMatchObject({ success: true, result: 'latecomer ran' });
  });

  it.each([
    ['credits', { credits: 5 }, 'declares credits that are no non-negative integer in a string, but 5'],
    ['credits in part', { credits: '0.5' }, 'declares credits that are no non-negative integer in a string, but "0.5"'],
    ['tokens', { tokens: -1 }, 'declares tokens that are no non-negative integer, but -1'],
    ['memory', { memoryMB: '64' }, 'declares memoryMB that is no non-negative integer, but "64"'],
  ])('are refused when the %s that they declare make no sense', async (_, cost, message) => {
    await using world = await startRuntime();
    const given = { ...tool('costly'), ...cost } as never;
    const problem = expect.objectContaining({ code: 'INVALID_VALUE', message: expect.stringContaining(message) });
    expect(() => world.runtime.tools.register(given)).toThrow(problem);
    await expect(createRuntime({ tools: [given] })).rejects.toThrow(problem);
  });

  it('are refused when they are no tools or their name is taken, all problems at once when the runtime is created', async () => {
    await using world = await startRuntime();
    expect(() => world.runtime.tools.register(tool('echo'))).toThrow(expect.objectContaining({ code: 'DUPLICATE_ID' }));
    expect(() => world.runtime.tools.register({ name: '' } as never)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
    const creating = createRuntime({ tools: [tool('a'), tool('a'), null as never] });
    await expect(creating).rejects.toMatchObject({
      code: 'WORKFLOW_INVALID',
      issues: [{ code: 'DUPLICATE_ID' }, { code: 'INVALID_VALUE' }],
    });
  });
});
