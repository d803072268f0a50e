import { expect, it, vi } from 'vitest';
import { Viewer } from './viewer.ts';
import { checkWire, treeOf } from './wire.ts';

it('examples/watch.ts runs once somebody watches, and shows everything', async () => {
  const { promise: address, resolve } = Promise.withResolvers<string>();
  const error = vi.spyOn(console, 'error').mockImplementation((text: string) => resolve(text));
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const running = import('../../examples/watch.ts');
  const viewer = new Viewer((await address).replace('Open http', 'ws'));
  await running;
  expect(log.mock.calls).toEqual([['Good morning']]);
  error.mockRestore();
  log.mockRestore();
  await viewer.closed;
  expect(treeOf(viewer.messages)).toHaveLength(11);
  checkWire(viewer.messages);
});
