import { createRuntime, defineSwarm, defineTool } from 'swarmchart';
import { VirtualClock } from 'swarmchart/testing';

const signature = Promise.withResolvers<string>();
const draft = defineTool({
  name: 'draft',
  run: async ({ text }, { blackboard, agent }) => (await blackboard.append('notes', `${agent?.id}: ${String(text)}`)).version,
});
const sign = defineTool({ name: 'sign', run: () => signature.promise });
const swarm = defineSwarm({
  id: 'release',
  goal: 'Release {{version}}',
  input: { version: { type: 'string' } },
  agents: [
    { id: 'ann', capabilities: ['writing'] },
    { id: 'lee', capabilities: ['leading'] },
  ],
  organization: {
    roles: [{ id: 'author', capabilities: ['writing'] }, { id: 'lead' }],
    missions: [{ id: 'sign-off', tasks: ['sign*'] }],
    norms: [{ id: 'in-time', type: 'obligation', role: 'lead', mission: 'sign-off', deadlineMs: 5_000 }],
  },
  tasks: [
    { id: 'draft', role: 'author', requiredCapabilities: ['writing'], tool: 'draft', parameters: { text: 'notes on {{version}}' } },
    { id: 'sign', requiredCapabilities: ['leading'], dependencies: ['draft'], tool: 'sign' },
  ],
});

const clock = new VirtualClock();
await using runtime = await createRuntime({ tools: [draft, sign], clock });
const execution = runtime.swarm(swarm, { input: { version: '1.2' } });
for await (const { type, payload } of execution.facts()) {
  const { taskId, normId, stepId, agentId = '' } = payload as Record<string, string>;
  if (type === 'tier3/execution/started' && stepId === 'sign') clock.advance(5_000);
  if (!/^tier1\/(task|obligation)/.test(type)) continue;
  console.log(type, taskId ?? normId, agentId);
  if (type !== 'tier1/obligation/unmet') continue;
  await execution.decide('in-time', { decision: 'approve', by: 'the boss' });
  console.log((await execution.run('sign')?.snapshot())?.status);
  signature.resolve('signed');
}
console.log((await execution.result()).result);
console.log(runtime.blackboard(execution.context.swarmId).get('notes')?.value);
