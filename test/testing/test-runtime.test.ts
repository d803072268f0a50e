/** The runtime for tests, its recorded tools and the matchers for its facts. */

import { describe, expect, it } from 'vitest';
import { type FactMatchers, factMatchers, recordedTool, startTestRuntime } from '../../src/testing/testing.ts';
import { blocksOf } from '../docs/pages.ts';
import { readProjectFile } from '../house/project.ts';

declare module 'vitest' {
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> extends FactMatchers<R> {}
}
expect.extend(factMatchers);

describe('a runtime for tests', () => {
  it('lets the clock run until an execution has ended, and tells its facts', async () => {
    await using started = await startTestRuntime({ tools: [recordedTool('flaky', [new Error('not yet'), 'at last']).tool] });
    const run = started.runtime.run({ id: 'retried', retry: 1, steps: [{ id: 'try', tool: 'flaky' }] });
    expect(await started.resultOf(run)).toMatchObject({ status: 'completed', result: 'at last' });
    const facts = await started.factsOf('run-1');
    expect(facts).toKeepInvariants();
    expect(facts).toHaveFacts(['tier2/routine/started', ['tier3/attempt/failed', { attempt: 1 }], 'tier2/routine/completed']);
    expect(facts).not.toHaveFacts(['tier2/routine/completed', 'tier2/routine/started']);
    expect(facts).not.toHaveFacts([['tier3/attempt/failed', { attempt: 2 }]]);
    expect(() => expect(facts).toHaveFacts(['tier1/task/started'])).toThrow(
      'no "tier1/task/started" in its place in:\n  tier2/routine/started',
    );
    expect(() => expect(facts.slice(0, -1)).toKeepInvariants()).toThrow('I1: run-1 has no terminal fact');
  });

  it('says when an execution does not end by itself', async () => {
    await using started = await startTestRuntime();
    const run = started.runtime.run({ id: 'patient', steps: [{ id: 'go', type: 'wait', signal: 'go' }] });
    expect(await started.resultOf(run)).toBeUndefined();
    await run.signal('go', 'now');
    expect(await started.resultOf(run, { withinMs: 0 })).toMatchObject({ status: 'completed' });
  });

  it('has matchers whose types are declared as docs/testing.md says', () => {
    const [declaration] = blocksOf('docs/testing.md').filter(({ language }) => language === 'typescript');
    expect(readProjectFile('test/testing/test-runtime.test.ts')).toContain(declaration?.text);
  });

  it('has tools that note their calls', async () => {
    const shout = recordedTool('shout', [(parameters) => JSON.stringify(parameters).toUpperCase()]);
    const echo = recordedTool('repeat');
    await using started = await startTestRuntime({ tools: [shout.tool, echo.tool] });
    const steps = [
      { id: 'a', tool: 'shout', parameters: { text: 'hey' } },
      { id: 'b', tool: 'repeat', parameters: { text: 'you' }, dependencies: ['a'] },
    ];
    expect(await started.resultOf(started.runtime.run({ id: 'calls', steps }))).toMatchObject({ status: 'completed' });
    expect(shout.calls).toEqual([{ parameters: { text: 'hey' }, executionId: 'run-1/a/1', stepId: 'a', attempt: 1 }]);
    expect(echo.calls).toMatchObject([{ parameters: { text: 'you' } }]);
  });
});
