import { createRuntime } from 'swarmchart';

await using runtime = await createRuntime();
const heard: string[] = [];
const isBack = Promise.withResolvers<void>();
runtime.events.subscribe('agent/*', ({ type, payload }) => {
  heard.push(type);
  if (type === 'agent/ready' && (payload as { incarnation: number }).incarnation === 2) isBack.resolve();
});
const { unregister } = await runtime.agents.register({
  id: 'ann',
  capabilities: ['review', 'code'],
  maxConcurrentTasks: 2,
  initialize: async ({ incarnation, log }) => log.info({ incarnation }, 'connected'),
  dispose: ({ log }) => log.info({}, 'disconnected'),
  heartbeat: { intervalMs: 10_000, timeoutMs: 2_000, misses: 3, check: () => Promise.resolve() },
  restart: { maxRestarts: 3, withinMs: 60_000 },
});

const lease = await runtime.agents.lease({ capabilities: ['review'], ttlMs: 60_000 });
console.log(lease.agentId, runtime.agents.get('ann')?.currentLoad, runtime.agents.capabilities());
runtime.agents.crash('ann');
await isBack.promise;
console.log(heard.join(' '));
console.log(lease.signal.aborted, runtime.agents.get('ann')?.restarts, runtime.agents.discover({ available: true }).length);
await unregister({ graceMs: 1_000 });
