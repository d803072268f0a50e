import { describe, expect, it } from 'vitest';
import { Board } from '../../src/cli/progress/board.ts';
import { fact } from './control/run-for-test.ts';

const error = { code: 'EXECUTION_FAILED', message: 'out of paper', tier: 'tier3', retryable: true, errorClass: 'transient' };
const plan = (...ids: readonly string[]): object => ({
  plan: { tasks: ids.map((id) => ({ id, plan: { steps: [] } })), source: 'planner' },
});

/** A swarm of which one task is done, and about the other one people are asked. */
function asked(): Board {
  const board = new Board();
  board.hear(fact('tier1/swarm/decomposed', 's', plan('a', 'b')));
  for (const taskId of ['a', 'b']) board.hear(fact('tier1/task/started', 's', { taskId, agentId: 'ada' }));
  board.hear(fact('tier1/task/completed', 's', { taskId: 'a' }));
  const news = board.hear(fact('tier1/task/escalated', 's', { taskId: 'b', error }));
  expect(news).toMatchObject({ kind: 'waiting', label: 'b', detail: 'for a person, after out of paper' });
  return board;
}

describe('the board of a swarm', () => {
  it('counts a task that people are asked about as waiting', () => {
    const board = asked();
    expect(board.waiting).toMatchObject([{ id: 'b', runId: 's', error: { code: 'EXECUTION_FAILED' } }]);
    expect(board.summary()).toBe('1 of 2 tasks, 1 waiting');
  });

  it('goes on with what is done when there is another plan, and forgets the rest', () => {
    const board = asked();
    const news = board.hear(fact('tier1/swarm/replanning', 's', { round: 1, taskId: 'b', error }));
    expect(news).toMatchObject({ kind: 'replanning', label: 'b', detail: 'plan 2' });
    expect(board.waiting).toEqual([]);
    board.hear(fact('tier1/swarm/decomposed', 's', plan('a', 'c', 'd')));
    expect([board.summary(), board.ended]).toEqual(['1 of 3 tasks', 1]);
  });

  it('says that a task was given up', () => {
    const news = asked().hear(fact('tier1/task/given_up', 's', { taskId: 'b', error }));
    expect(news).toMatchObject({ kind: 'given up', detail: 'no agent could do it: out of paper; another plan is wanted' });
  });
});
