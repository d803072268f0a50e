import { createRuntime, defineWorkflow } from 'swarmchart';

const workflow = defineWorkflow({
  id: 'release',
  steps: [
    {
      id: 'publish',
      tool: 'publish',
      fallbacks: [{ action: 'escalate-to-human', role: 'release manager', quorum: 2, timeout: 3_600_000 }],
    },
    { id: 'announce', tool: 'echo', parameters: { message: '${publish.result}' } },
  ],
});

await using runtime = await createRuntime({
  tools: [{ name: 'publish', run: () => Promise.reject(new Error('The registry is down')) }],
});
const execution = runtime.run(workflow, { context: { executionId: 'v2' } });

for await (const { type } of execution.facts()) if (type === 'tier2/step/escalated') break;

const [asked] = runtime.approvals.list();
console.log(asked?.id, asked?.prompt, asked?.role, asked?.quorum, asked?.options);

const answer = { decision: 'approve', value: 'published by hand', role: 'release manager' } as const;
await runtime.approvals.decide('v2/publish', { ...answer, by: 'eve', role: 'intern' }).catch(({ code }) => console.log(code));
console.log(await runtime.approvals.decide('v2/publish', { ...answer, by: 'ann' }), runtime.approvals.get('v2/publish')?.votes.length);
console.log(await runtime.approvals.decide('v2/publish', { ...answer, by: 'ann' }));
console.log(await runtime.approvals.decide('v2/publish', { ...answer, by: 'bob' }), (await execution.result()).result);
console.log(await runtime.approvals.decide('v2/publish', { ...answer, by: 'cid' }));
