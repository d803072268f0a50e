/** What the workflows and swarms of the pages name: tools, a module, a condition, an agent. */

import { parse } from 'yaml';
import { type AnyTool, defineTool, type RuntimeOptions, SwarmchartError } from '../../src/index.ts';

const tools: readonly AnyTool[] = [
  defineTool({ name: 'search', run: () => ({ files: ['a.ts', 'b.ts'], total: 2 }) }),
  defineTool({ name: 'read', run: ({ path }) => ({ path }) }),
  defineTool({ name: 'check', run: ({ round }) => ({ ok: round === 3 }) }),
  defineTool({ name: 'sign', run: (_, { agent }) => `signed by ${agent?.id}` }),
  defineTool({
    name: 'flaky',
    run: (_, { attempt }) => {
      if (attempt < 3) throw new Error('not yet');
      return 'at last';
    },
  }),
  defineTool({ name: 'book', run: () => 'B-1' }),
  defineTool({ name: 'unbook', run: ({ booking }) => `${String(booking)} is void` }),
  defineTool({
    name: 'refuse',
    run: () => {
      throw new SwarmchartError('PROCESS_FAILED', 'refused');
    },
  }),
];

export const world = {
  tools,
  modules: { archive: { store: ({ all }) => `stored ${(all as readonly unknown[]).length}` } },
  conditions: { isWorkday: ({ steps }) => steps['find']?.status === 'completed' },
  agents: [{ id: 'ann', capabilities: ['approval'] }],
} satisfies RuntimeOptions;

export const readYaml = (text: string): unknown => parse(text);
