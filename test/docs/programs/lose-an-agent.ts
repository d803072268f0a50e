import { createRuntime, defineTool } from 'swarmchart';

const calls: string[] = [];
const work = defineTool({
  name: 'work',
  run: (_, { stepId, agent, idempotencyKey }) => {
    calls.push(`${idempotencyKey} by ${agent?.id}`);
    if (stepId === 'b' && agent?.id === 'ann') return runtime.agents.crash('ann') && new Promise(() => {});
    return stepId;
  },
});

await using runtime = await createRuntime({
  tools: [work],
  faults: {
    tool: ({ stepId, attempt }) => {
      if (stepId === 'a' && attempt === 1) throw new Error('made to fail');
    },
  },
});
await runtime.agents.register([
  { id: 'ann', capabilities: ['work'], restart: { maxRestarts: 0, withinMs: 60_000 } }, // not even once
  { id: 'bob', capabilities: ['work'] },
]);
const steps = [
  { id: 'a', tool: 'work', retry: { maxRetries: 1, backoff: { baseMs: 1 } } },
  { id: 'b', tool: 'work', dependencies: ['a'] },
];
const execution = runtime.swarm({ id: 's', goal: 'Work', tasks: [{ id: 't', requiredCapabilities: ['work'], steps }] });
for await (const { type, payload } of execution.facts()) {
  const { agentId } = payload as { agentId?: string };
  if (type.startsWith('tier1/lease') || type.startsWith('tier1/task')) console.log(type, agentId ?? '');
}
console.log(calls.map((call) => call.slice(call.indexOf('/'))));
