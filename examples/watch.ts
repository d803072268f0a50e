import { createRuntime } from 'swarmchart';
import { startInspector } from 'swarmchart/inspect';

await using inspector = await startInspector();
console.error(`Open ${inspector.url}`);
await inspector.watched();

await using runtime = await createRuntime({ inspect: inspector.inspect });
const { result } = await runtime
  .run({ id: 'greeting', steps: [{ id: 'greet', tool: 'echo', parameters: { message: 'Good morning' } }] })
  .result();
console.log(result);
