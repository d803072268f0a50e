/** An id that the caller chooses must not be that of a step of another run. */

import { expect, it } from 'vitest';
import { startRuntime } from '../support/start-runtime.ts';

it('refuses an execution id that could be the id of a step', async () => {
  await using world = await startRuntime();
  const start = () => world.runtime.run({ id: 'wf', steps: [{ id: 'a', tool: 'echo' }] }, { context: { executionId: 'run/a/1' } });
  expect(start).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
});
