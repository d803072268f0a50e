import { createRuntime, defineTool, MemoryJournal, rerun } from 'swarmchart';

const journal = new MemoryJournal();
const calls: string[] = [];
const fetchPage = defineTool({ name: 'fetch-page', credits: '5', run: () => calls.push('fetch') && 'a page' });
const publish = defineTool({
  name: 'publish',
  run: (given) => {
    const { page, site } = given as { page: string; site: string };
    calls.push(`publish at ${site}`);
    if (site === 'down.example') throw new Error('the site is down');
    return `${page} at ${site}`;
  },
});
const steps = [
  { id: 'fetch', tool: 'fetch-page' },
  { id: 'publish', tool: 'publish', dependencies: ['fetch'], parameters: { page: '${fetch.result}', site: '{{site}}' } },
  { id: 'tell', tool: 'publish', dependencies: ['publish'], parameters: { page: 'the news', site: '{{site}}' } },
];
await using runtime = await createRuntime({ tools: [fetchPage, publish], journal });
const input = { site: 'down.example' };
await runtime.run({ id: 'pages', steps }, { input, context: { executionId: 'monday' } }).result();

const { again, reused } = rerun(await journal.read('monday'), { from: 'publish' });
console.log(
  'again:',
  again,
  'reused:',
  reused.map(({ stepId }) => stepId),
); // nothing has run yet

const execution = await runtime.rerun('monday', { from: 'publish', input: { site: 'up.example' }, executionId: 'tuesday' });
const { status, result, resourcesUsed } = await execution.result();
console.log(status, result, resourcesUsed.creditsUsed);
console.log(calls);
for (const { type, payload } of (await journal.read('tuesday')).slice(0, 3)) {
  const { stepId = '', from } = payload as { stepId?: string; from?: object };
  console.log(type, stepId, ...(from ? [from] : []));
}
try {
  await runtime.rerun('monday', { from: 'tell' });
} catch (error) {
  console.log((error as Error).message);
}
