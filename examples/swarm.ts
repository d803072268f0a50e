import { createRuntime, defineSwarm, defineTool } from 'swarmchart';
import { z } from 'zod';

const countWords = defineTool({
  name: 'count-words',
  input: z.object({ text: z.string() }),
  run: ({ text }) => ({ words: text.split(/\s+/).length }),
});
const judge = defineTool({
  name: 'judge',
  input: z.object({ words: z.number() }),
  run: ({ words }, { agent }) => `${agent?.name}: ${words > 20 ? 'too long' : 'short and clear'}`,
});

const swarm = defineSwarm({
  id: 'review',
  goal: 'Review "{{text}}"',
  input: { text: { type: 'string' } },
  agents: [
    { id: 'reader', name: 'Ruth', capabilities: ['reading'] },
    { id: 'critic', name: 'Carl', capabilities: ['judging', 'reading'] },
  ],
  tasks: [
    { id: 'read', requiredCapabilities: ['reading'], tool: 'count-words', parameters: { text: '{{text}}' } },
    { id: 'judge', requiredCapabilities: ['judging'], tool: 'judge', parameters: { words: '${read.result.words}' } },
  ],
});

await using runtime = await createRuntime({ tools: [countWords, judge] });
const execution = runtime.swarm(swarm, { input: { text: 'To be or not to be' } });
for await (const { type, payload } of execution.facts()) {
  if (type === 'tier1/task/started') console.log(payload);
}
const { status, result, resourcesUsed } = await execution.result();
console.log(status, result, resourcesUsed);
