/** Whatever a tool does with a secret that it was given, nobody reads the secret anywhere. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnyTool, type ModuleOperations, SwarmchartError, type ToolContext } from '../../../src/index.ts';
import { startSecretWorld } from './secret-world.ts';

const HOUR = 3_600_000;

/** Not one that is part of what anybody says anyway. */
const secretValue = fc
  .string({ minLength: 6, maxLength: 60, unit: fc.constantFrom(...'aZ09-_.:/+=?&%"\'\\<>{}[]$!,;|~^ \n\tüß漢😀') })
  .map((text) => `q${text}7`);

/** The ways in which a secret gets into a text. */
const writing = fc.constantFrom<(secret: string) => string>(
  (secret) => secret,
  (secret) => `before ${secret} after`,
  (secret) => secret + secret,
  (secret) => `Bearer ${secret}`,
  (secret) => JSON.stringify({ [secret]: [secret] }),
  (secret) => `https://x.y/?k=${encodeURIComponent(secret)}`,
  (secret) => `Basic ${Buffer.from(`user:${secret}`).toString('base64')}`,
  (secret) => `${'x'.repeat(9_990)}${secret}${'y'.repeat(100)}`,
);

type Deed = (secret: string, context: ToolContext) => unknown;
const thrown = (secret: string) => new Error(secret, { cause: new Error(`because of ${secret}`) });

const deeds: readonly Deed[] = [
  (secret) => secret,
  (secret) => ({ [secret]: { deep: [[secret, { [`<${secret}>`]: secret }]], more: null } }),
  (secret) => ({ toJSON: () => [secret] }),
  (secret) => Promise.reject(thrown(secret)),
  (secret) => Promise.reject(Object.assign(thrown(secret), { status: 503, code: secret })),
  (secret) =>
    Promise.reject(new SwarmchartError('PROCESS_FAILED', secret, { context: { argv: [secret], [secret]: 1 }, cause: thrown(secret) })),
  (secret) => Promise.reject(secret),
  (secret) => Promise.reject({ message: secret, [secret]: secret }),
  (secret) => Promise.reject({ name: secret, message: { secret } }),
  (secret, { spend }) => spend({ credits: secret }),
  (secret, { spend }) => spend({ [secret]: secret, credits: '-1' } as never),
  (secret, { log }) => log.error({ err: thrown(secret), [secret]: new Map([[secret, new Set([secret])]]) }, secret),
  (secret, { log }) => log.info(new URL(`https://x.y/?k=${secret}`), `said ${secret}`),
  (secret, { blackboard }) => blackboard.set(secret.slice(0, 150), { [secret]: [secret] }),
  (secret, { blackboard }) => blackboard.append('list', secret).then(() => blackboard.deepMerge('object', { a: { [secret]: secret } })),
  (secret, { blackboard }) => blackboard.set('bad', () => secret),
  (secret, { secret: get }) => get(secret),
  () => undefined,
];

const deed = fc.record({ act: fc.nat(deeds.length - 1), write: writing, source: fc.constantFrom('KEY', 'DYNAMIC') });

describe('whatever a tool does with a secret', () => {
  it('nothing that is kept, logged, inspected or returned shows its value', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(secretValue, secretValue),
        fc.array(deed, { minLength: 1, maxLength: 5 }),
        async ([fixed, dynamic], told) => {
          const act = async (index: number, given: string, context: ToolContext): Promise<unknown> => {
            const { act: which, write, source } = told[index] as (typeof told)[number];
            expect(given).toBe(source === 'KEY' ? fixed : dynamic);
            return deeds[which]?.(write(given), context);
          };
          const tool: AnyTool = { name: 'hostile', run: ({ index, key }, context) => act(index, key, context) };
          const operations: ModuleOperations = { act: (given, context) => act(given['index'] as number, String(given['key']), context) };
          const world = await startSecretWorld({
            tools: [tool],
            modules: { hostile: operations },
            secrets: { KEY: fixed, DYNAMIC: async () => dynamic },
          });
          const steps = told.map(({ source }, index) => {
            const own = { id: `s${index}`, parameters: { index, key: `{{secrets.${source}}}` }, onFailure: 'continue', retry: index % 2 };
            const work = index % 3 === 2 ? { type: 'module-operation', module: 'hostile', operation: 'act' } : { tool: 'hostile' };
            return { ...own, ...work, ...(index > 0 && { when: [], dependencies: [`s${index - 1}`] }) };
          });
          const all = { id: 'all', tool: 'echo', parameters: { message: steps.map(({ id }) => `\${${id}.result}\${${id}.error}`).join() } };
          const run = world.runtime.run({ id: 'w', steps: [...steps, all] } as never, { context: { swarmId: 'board' } });
          await world.clock.advanceAsync(HOUR);
          const result = await run.result();
          const board = [...world.runtime.blackboard('board').entries()];
          const texts = await world.seen([run.executionId], [result, board, await run.snapshot?.()]);
          await world[Symbol.asyncDispose]();
          expect(result.success).toBe(true);
          for (const value of [fixed, dynamic]) {
            const forms = new Set([value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)]);
            for (const form of forms) for (const text of texts) expect(text.includes(form), `${form} in ${text.slice(0, 500)}`).toBe(false);
          }
          expect(world.runtime.vitals.secretsCaught).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });
});
