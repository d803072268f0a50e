import { describe, expect, it } from 'vitest';
import { type Standing, selectExecutions } from '../../src/cli/journal/executions.ts';
import { findExecution } from '../../src/cli/journal/find.ts';
import { Runners } from '../../src/cli/journal/runners.ts';
import { UsageError } from '../../src/cli/outcome.ts';
import { executionsLines } from '../../src/cli/print/executions.ts';
import { filledJournal } from './journal-for-test.ts';

const NOBODY = new Runners(undefined, new Map());
const select = async (statuses: readonly Standing[] = [], limit = 50, runners = NOBODY) =>
  selectExecutions(await filledJournal(), { statuses: new Set(statuses), limit }, runners);

describe('the executions of a journal', () => {
  it('are told in the order in which they began, each as it stands, and services are not among them', async () => {
    const { executions, left } = await select();
    expect(
      executions.map(({ executionId, kind, name, status, steps }) => [executionId, kind, name, status, steps.ended, steps.total]),
    ).toEqual([
      ['done', 'workflow', 'two', 'completed', 2, 2],
      ['failed', 'workflow', 'failing', 'failed', 1, 1],
      ['crew', 'swarm', 'crew', 'completed', 1, 1],
      ['asking', 'workflow', 'asking', 'waiting', 0, 1],
      ['interrupted', 'workflow', 'two', 'interrupted', 1, 2],
      ['damaged', 'workflow', 'two', 'quarantined', 0, 2],
    ]);
    expect(left).toBe(0);
  });

  it.each<[readonly Standing[], readonly string[]]>([
    [['waiting'], ['asking']],
    [['interrupted', 'paused'], ['interrupted']],
    [
      ['completed', 'failed'],
      ['done', 'failed', 'crew'],
    ],
    [['quarantined'], ['damaged']],
    [['dead', 'running', 'cancelled'], []],
  ])('are found by %j', async (statuses, ids) => {
    expect((await select(statuses)).executions.map(({ executionId }) => executionId)).toEqual(ids);
  });

  it('are the newest ones where there are many, with how many were not looked at', async () => {
    const { executions, left } = await select([], 2);
    expect([executions.map(({ executionId }) => executionId), left]).toEqual([['interrupted', 'damaged'], 4]);
    expect(executionsLines({ executions, left }, { option: '' }, Date.now()).notes).toContain(
      '4 older ones were not looked at: --limit N or --all shows more',
    );
  });

  it('are running where a process holds the journal that does not say what it runs', async () => {
    const { executions } = await select([], 50, new Runners({ pid: 7, host: 'here' }, new Map()));
    const told = executions
      .filter(({ process }) => process !== null)
      .map(({ executionId, status, process }) => [executionId, status, process]);
    expect(told).toEqual([
      ['asking', 'waiting', 7],
      ['interrupted', 'running', 7],
    ]);
  });

  it.each([
    [false, 'The journal has no execution'],
    [true, 'The journal has no execution of that status'],
  ])('are none, and it is said whether some were asked for: %s', (isFiltered, note) => {
    const none = { executions: [], left: 0 };
    expect(executionsLines(none, { option: '' }, 0, isFiltered)).toEqual({ table: [], notes: [note] });
  });

  it('are printed with what to do next', async () => {
    const { table, notes } = executionsLines(await select(), { option: ' --journal other.db' }, Date.now());
    expect(table[0]).toMatch(/^ID +KIND +NAME +STATUS +DONE +STARTED +CHANGED$/);
    expect(table[5]).toMatch(/^interrupted +workflow +two +interrupted +1 of 2 +\d+ ms ago +\d+ ms ago$/);
    expect(notes).toEqual([
      'damaged takes nothing more: fact 9 is not the one that was written',
      'next: swarmchart journal verify --journal other.db',
    ]);
  });
});

describe('an execution', () => {
  it.each([
    ['done', 'done'],
    ['dam', 'damaged'],
    ['interr', 'interrupted'],
  ])('is found by %s', async (given, name) => {
    expect(await findExecution(await filledJournal(), given, { option: '' })).toMatchObject({ name });
  });

  it.each([
    ['one that is not there', 'donne', 'The journal has no execution "donne". Did you mean "done"?'],
    ['nothing', '', 'The journal has no execution ""'],
    ['too little', 'd', 'The journal has no execution "d"'],
    ['a part of one', 'done/first', '"done/first" is part of an execution'],
    ['a part of none', 'donne/first', 'The journal has no execution "donne/first"'],
    ['a service', 'breaker/tool/x', 'The journal has no execution "breaker/tool/x"'],
    ['a path', '../../etc/passwd', 'The journal has no execution "../../etc/passwd"'],
    ['what a terminal would obey', '\u001b[31mred\nx', 'The journal has no execution "red x"'],
  ])('is not found by %s', async (_, given, message) => {
    const refusal = findExecution(await filledJournal(), given, { option: '' });
    await expect(refusal).rejects.toBeInstanceOf(UsageError);
    await expect(refusal).rejects.toThrow(message);
  });

  it('is not found, and the journal is named in which to look', async () => {
    const refusal = findExecution(await filledJournal(), 'zzz', { option: ' --journal other.db' });
    await expect(refusal).rejects.toMatchObject({ hint: 'swarmchart list --journal other.db shows what there is' });
  });

  it('is not found by what several begin with, and they are named', async () => {
    const journal = await filledJournal();
    for (const name of ['abc1', 'abc2']) journal.append(name, 0, await journal.read('interrupted'));
    await expect(findExecution(journal, 'abc', { option: '' })).rejects.toThrow('"abc" is the beginning of abc1, abc2: give more of it');
  });
});
