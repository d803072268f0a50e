/** The least that JavaScript can do: one asynchronous call for each step. */

import type { Shape, Subject } from './subject.ts';

const step = async (): Promise<null> => {
  await Promise.resolve();
  return null;
};

async function run({ order, steps }: Shape): Promise<void> {
  if (order === 'fan-out') await Promise.all(Array.from({ length: steps }, step));
  else for (let done = 0; done < steps; done++) await step();
}

export const plainAwaits: Subject = {
  name: 'plain awaits',
  prepare: (shape) =>
    Promise.resolve({
      work: async () => void (await Promise.all(Array.from({ length: shape.runs }, () => run(shape)))),
      end: () => Promise.resolve(),
    }),
};
