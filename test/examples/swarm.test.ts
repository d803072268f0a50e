import { describe, expect, it, vi } from 'vitest';

describe('examples/swarm.ts', () => {
  it('gives each task to an agent that can do it, and ends with the result of all', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    await import('../../examples/swarm.ts');
    const lines = log.mock.calls;
    log.mockRestore();
    expect(lines).toMatchObject([
      [{ taskId: 'read', agentId: 'reader' }],
      [{ taskId: 'judge', agentId: 'critic' }],
      [
        'completed',
        { goal: 'Review "To be or not to be"', tasks: { read: { words: 6 }, judge: 'Carl: short and clear' } },
        { stepsExecuted: 2 },
      ],
    ]);
  });
});
