import { generateText } from 'ai';
import { defineTool } from 'swarmchart';
import { scriptedModel, startTestRuntime } from 'swarmchart/testing';

const model = scriptedModel([{ error: { status: 429 } }, { text: 'Bern', stalls: true }, ({ text }) => `${text} Bern!`]);
const ask = defineTool({
  name: 'ask',
  input: [{ name: 'question', type: 'string', required: true }],
  run: async ({ question }, { signal }) => {
    const { text, usage } = await generateText({ model, prompt: String(question), abortSignal: signal, maxRetries: 0 });
    return { text, tokens: usage.totalTokens ?? 0 };
  },
});

await using started = await startTestRuntime({ tools: [ask] });
const run = started.runtime.run({
  id: 'capital',
  steps: [{ id: 'ask', tool: 'ask', parameters: { question: 'The capital?' }, timeout: 10_000, retry: 2 }],
});
const ended = await started.resultOf(run);
console.log(ended?.status, ended?.result);
console.log(model.calls.map(({ outcome }) => outcome));
for (const { type, payload } of await started.factsOf(run.executionId)) {
  if (type !== 'tier3/attempt/failed') continue;
  const { errorClass, message } = (payload as { readonly error: { readonly errorClass: string; readonly message: string } }).error;
  console.log(`${errorClass}: ${message}`);
}
