/** What `createRuntime` is given in plain JavaScript: a misspelt option is no option, and nonsense is refused before anything lives. */

import { describe, expect, it } from 'vitest';
import { createRuntime, MemoryJournal } from '../../src/index.ts';

const refusal = (options: object) =>
  createRuntime(options).then(
    () => expect.fail('it was accepted'),
    (error) => error,
  );

describe('the options of a runtime', () => {
  it.each([
    [{ recovry: {} }, 'UNKNOWN_KEY', 'recovry means nothing here. Did you mean "recovery"?'],
    [{ mailboxLimit: 0 }, 'INVALID_VALUE', 'mailboxLimit must be a positive integer, got 0'],
    [{ maxOutputBytes: 'much' }, 'INVALID_VALUE', 'maxOutputBytes must be a positive integer, got'],
    [
      { journal: 0 },
      'INVALID_VALUE',
      'journal must be a journal, with the functions open, append, read, find, streams, unsettled, scan, end, drop, watch, close, got 0',
    ],
    [{ journal: 'my.db' }, 'INVALID_VALUE', "journal must be a journal, such as sqlite('runs.db'), got my.db"],
    [{ classify: {} }, 'INVALID_VALUE', 'classify must be a function'],
  ])('refuses %j', async (options, code, message) => {
    expect(await refusal(options)).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('tells every problem at once', async () => {
    const { issues } = await refusal({ mailboxLimit: -1, tool: [], planner: 'me' });
    expect(issues).toMatchObject([{ path: ['mailboxLimit'] }, { path: ['tool'], code: 'UNKNOWN_KEY' }, { path: ['planner'] }]);
  });

  it('takes what is undefined as not given', async () => {
    await using runtime = await createRuntime({ journal: undefined, classify: undefined } as object);
    expect(runtime.vitals).toMatchObject({ executions: 0 });
  });

  it('fails with its own error when its journal cannot be closed either, which the log tells', async () => {
    class Stuck extends MemoryJournal {
      override close(): Promise<void> {
        return Promise.reject(new Error('the door is stuck'));
      }
    }
    const told: unknown[] = [];
    const quiet = () => undefined;
    const logger = { debug: quiet, info: quiet, warn: quiet, error: (fields: object) => told.push(fields) };
    expect(await refusal({ journal: new Stuck(), logger, secrets: { KEY: 'short' } })).toMatchObject({ name: 'SwarmchartError' });
    expect(told).toMatchObject([{ err: { message: 'the door is stuck' } }]);
  });
});
