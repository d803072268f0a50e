import { createRuntime, defineTool } from 'swarmchart';

const keys = ['sk-live-first-key', 'sk-live-second-key'];
const request = defineTool({
  name: 'request',
  run: ({ authorization }) => {
    console.log(`called with ${authorization}`);
    if (authorization !== 'Bearer sk-live-second-key') throw new Error(`401 for ${authorization}`);
    return { sent: authorization };
  },
});
const login = defineTool({
  name: 'login',
  run: async (_, { secret, log }) => {
    const password = await secret('PASSWORD');
    log.info({ password }, `log in with ${password}`);
    return `Basic ${Buffer.from(`ann:${password}`).toString('base64')}`;
  },
});

await using runtime = await createRuntime({
  tools: [request, login],
  secrets: { PASSWORD: 'correct-horse', API_KEY: () => keys.shift() },
  logger: { debug() {}, info: (fields, message) => console.log(message, fields), warn() {}, error() {} },
});
runtime.events.subscribe('tier3/attempt/failed', ({ payload }) => console.log((payload as { error: Error }).error.message));
const resultOf = async (tool: string, parameters: Record<string, string>) => {
  const retry = { maxRetries: 1, backoff: { baseMs: 1 } };
  const { result, error } = await runtime.run({ id: 'w', steps: [{ id: 's', tool, parameters, retry }] }).result();
  console.log(error?.message ?? result);
};
await resultOf('request', { authorization: 'Bearer {{secrets.API_KEY}}' });
await resultOf('login', {});
await resultOf('login', { user: '{{secrets.PASSWORT}}' });
console.log(runtime.scrub('the password is correct-horse'));
