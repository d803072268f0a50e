import { defineConfig } from 'swarmchart';
import { collect } from './tools/collect.ts';
import { coupling } from './tools/coupling.ts';
import { history } from './tools/history.ts';
import { hotspots } from './tools/hotspots.ts';
import { hygiene } from './tools/hygiene.ts';
import { inspect } from './tools/inspect.ts';
import { ownership } from './tools/ownership.ts';
import { write } from './tools/write.ts';

export default defineConfig({
  tools: [inspect, collect, history, hotspots, coupling, ownership, hygiene, write],
  // What the writer has written is the swarm's result.
  synthesize: ({ tasks }) => tasks['write']?.result,
});
