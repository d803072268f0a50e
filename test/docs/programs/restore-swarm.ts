import { createRuntime, defineTool, type Fact } from 'swarmchart';

const calls: string[] = [];
const work = defineTool({
  name: 'work',
  run: (_, { agent, idempotencyKey }) => calls.push(`${idempotencyKey} by ${agent?.id}`),
});
const steps = [
  { id: 'a', tool: 'work' },
  { id: 'gate', type: 'wait', signal: 'go', dependencies: ['a'] },
  { id: 'b', tool: 'work', dependencies: ['gate'] },
];
const swarm = {
  id: 'two-steps',
  goal: 'Do both',
  agents: [{ id: 'ann', capabilities: ['work'] }],
  tasks: [{ id: 'task', requiredCapabilities: ['work'], steps }],
};

const facts: Fact[] = [];
{
  await using before = await createRuntime({ tools: [work] });
  for await (const fact of before.swarm(swarm, { context: { executionId: 'job-1' } }).facts()) {
    facts.push(fact);
    if (fact.type === 'tier1/swarm/waiting') break; // as if the process had ended here
  }
}

await using after = await createRuntime({ tools: [work] });
const execution = await after.restoreSwarm(facts);
let isBack = false;
for await (const { type } of execution.facts()) {
  isBack ||= type === 'tier1/task/continued';
  if (isBack && type === 'tier1/task/waiting') await execution.run('task')?.signal('go');
}
console.log((await execution.result()).status, calls);
