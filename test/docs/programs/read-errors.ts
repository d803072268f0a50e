import { createRuntime, defineTool, defineWorkflow } from 'swarmchart';

class HttpError extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`HTTP ${status}`);
    this.status = status;
  }
}

const answers = [503, 200, 404];
const fetchPage = defineTool({
  name: 'fetch-page',
  run: () => {
    const status = answers.shift() ?? 500;
    if (status !== 200) throw new HttpError(status);
    return 'a page';
  },
});
const cached = defineTool({ name: 'cached', run: () => 'an old page' });

const workflow = defineWorkflow({
  id: 'pages',
  steps: [
    { id: 'first', tool: 'fetch-page' },
    { id: 'second', tool: 'fetch-page', dependencies: ['first'], fallbacks: [{ on: 'permanent', action: 'use-tool', tool: 'cached' }] },
    { id: 'third', tool: 'fetch-page', dependencies: ['second'] },
  ],
});

await using runtime = await createRuntime({
  tools: [fetchPage, cached],
  classify: (error) => (error instanceof HttpError && error.status === 404 ? 'permanent' : undefined),
  recovery: { transient: { maxRetries: 1, backoff: { strategy: 'fixed', baseMs: 1, factor: 1, maxMs: 1, jitter: 0 } } },
  watchdog: { blockedMs: 2_000 },
});
const { status } = await runtime.run(workflow).result();
console.log(status);
for (const { stepId, tool, message, errorClass, outcome } of runtime.errors.list()) {
  console.log(`${stepId}: ${tool} ${message}, ${errorClass}, ${outcome}`);
}
console.log(runtime.errors.list({ class: 'permanent' }).length, runtime.errors.counts().tools['fetch-page']);
