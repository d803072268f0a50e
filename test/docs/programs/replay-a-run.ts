import { createRuntime, defineTool, MemoryJournal, replay } from 'swarmchart';

const journal = new MemoryJournal();
const fetchPage = defineTool({ name: 'fetch-page', run: () => 'a page' });
const publish = defineTool({
  name: 'publish',
  run: () => {
    throw new Error('the site is down');
  },
});
const steps = [
  { id: 'fetch', tool: 'fetch-page' },
  { id: 'publish', tool: 'publish', dependencies: ['fetch'] },
];
await using runtime = await createRuntime({ tools: [fetchPage, publish], journal });
await runtime.run({ id: 'pages', steps }, { context: { executionId: 'monday' } }).result();

const facts = await journal.read('monday');
for (let to = 1; to <= facts.length; to++) {
  const { fact, changes } = replay(facts, { to });
  for (const { stepId, from = 'nothing', to: status } of changes) {
    if (fact.tier === 'tier2') console.log(`${to} ${stepId ?? 'the run'}: ${from} → ${status}`);
  }
}
const { executions } = replay(facts, { to: 7 });
console.log(executions.map(({ kind, executionId, snapshot }) => `${kind} ${executionId} ${snapshot.status}`));
