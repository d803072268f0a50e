import { recordedTool, startTestRuntime, violations } from 'swarmchart/testing';

const fetch = recordedTool('fetch', [new Error('busy'), { pages: 3 }]);
await using started = await startTestRuntime({ tools: [fetch.tool] });
const run = started.runtime.run({
  id: 'patient',
  steps: [
    { id: 'nap', type: 'wait', duration: 3_600_000 },
    { id: 'load', tool: 'fetch', parameters: { from: 'archive' }, retry: 2, dependencies: ['nap'] },
  ],
});

const before = started.clock.now();
const ended = await started.resultOf(run);
console.log(ended?.status, ended?.result, started.clock.now() - before > 3_600_000);
console.log(fetch.calls.map(({ stepId, attempt, parameters }) => `${stepId} ${attempt} ${JSON.stringify(parameters)}`));
console.log(violations(await started.factsOf(run.executionId)));
