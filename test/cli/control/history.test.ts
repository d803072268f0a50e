import { describe, expect, it } from 'vitest';
import { History } from '../../../src/cli/control/history.ts';
import { fact } from './run-for-test.ts';

const approval = { waitsFor: { type: 'approval', timeoutMs: 1 } };

describe('the history of questions', () => {
  it.each([
    ['a step that waits for an approval', 'tier2/step/started', { stepId: 'a', ...approval }],
    ['a failure that was escalated', 'tier2/step/escalated', { stepId: 'a' }],
    ['a task that was escalated', 'tier1/task/escalated', { taskId: 'a' }],
    ['an obligation that is not met', 'tier1/obligation/unmet', { normId: 'a' }],
  ])('knows %s as a question', (_, type, payload) => {
    const history = new History();
    expect(history.hear(fact(type, 'r/b/1', payload))).toBe('r/b/1/a');
    expect(history.get('r/b/1/a')).toMatchObject({ isOpen: true });
    expect(history.openIn('r')).toEqual(['r/b/1/a']);
    expect(history.openIn('other')).toEqual([]);
  });

  it.each([
    ['a step that works', 'tier2/step/started', { stepId: 'a' }],
    ['a step that waits for a signal', 'tier2/step/started', { stepId: 'a', waitsFor: { type: 'signal', name: 's', timeoutMs: 1 } }],
    ['a retry', 'tier3/attempt/failed', { stepId: 'a' }],
    ['a run that waits', 'tier2/routine/waiting', { steps: 1 }],
    ['an agent', 'agent/crashed', { agentId: 'a' }],
  ])('does not take %s for one', (_, type, payload) => {
    const history = new History();
    expect(history.hear(fact(type, 'r', payload))).toBeUndefined();
    expect(history.openIn('r')).toEqual([]);
  });

  it('tells how a question was answered, and by whom', () => {
    const history = new History();
    history.hear(fact('tier2/step/started', 'r', { stepId: 'a', ...approval }));
    history.hear(fact('tier2/step/decided', 'r', { stepId: 'a', decision: 'approve', by: 'ann\u001b[31m' }));
    history.hear(fact('tier2/step/completed', 'r', { stepId: 'a' }));
    expect(history.get('r/a')).toEqual({ isOpen: false, reason: 'it was answered already: approve by ann' });
    expect(history.openIn('r')).toEqual([]);
  });

  it('knows a question again that is asked again', () => {
    const history = new History();
    for (const type of ['escalated', 'decided', 'escalated'])
      history.hear(fact(`tier2/step/${type}`, 'r', { stepId: 'a', decision: 'retry' }));
    expect(history.get('r/a')).toMatchObject({ isOpen: true });
  });

  it.each([
    ['has expired', ['tier2/step/expired', 'tier2/step/failed'], 'nobody answered in time'],
    ['has ended otherwise', ['tier2/step/cancelled'], 'the step has ended (cancelled)'],
  ])('tells a question that %s from one that was answered', (_, types, reason) => {
    const history = new History();
    history.hear(fact('tier2/step/started', 'r', { stepId: 'a', ...approval }));
    for (const type of types) history.hear(fact(type, 'r', { stepId: 'a' }));
    expect(history.get('r/a')).toEqual({ isOpen: false, reason: `it waits no longer: ${reason}` });
  });

  it('ends the questions of a run with it, and no others', () => {
    const history = new History();
    for (const run of ['r/b/1', 'r/b/10']) history.hear(fact('tier2/step/escalated', run, { stepId: 'a' }));
    history.hear(fact('tier2/routine/cancelled', 'r/b/1', { routineId: 'b' }));
    expect(history.get('r/b/1/a')).toMatchObject({ isOpen: false, reason: 'it waits no longer: its run has ended (cancelled)' });
    expect(history.get('r/b/10/a')).toMatchObject({ isOpen: true });
  });

  it('withdraws what was asked about tasks when another plan is made, and nothing else', () => {
    const history = new History();
    history.hear(fact('tier1/task/escalated', 's', { taskId: 'a' }));
    history.hear(fact('tier1/obligation/unmet', 's', { normId: 'n' }));
    history.hear(fact('tier2/step/escalated', 's/b/1', { stepId: 'c' }));
    history.hear(fact('tier1/swarm/replanning', 's', { round: 1, taskId: 'd' }));
    expect(history.get('s/a')).toEqual({ isOpen: false, reason: 'it waits no longer: the swarm makes another plan' });
    expect([history.get('s/n')?.isOpen, history.get('s/b/1/c')?.isOpen]).toEqual([true, true]);
  });

  it('ends an obligation that is met late', () => {
    const history = new History();
    history.hear(fact('tier1/obligation/unmet', 's', { normId: 'n', open: ['a', 'b'] }));
    history.hear(fact('tier1/task/completed', 's', { taskId: 'a' }));
    expect(history.get('s/n')?.isOpen).toBe(true);
    history.hear(fact('tier1/task/completed', 's', { taskId: 'b' }));
    expect(history.get('s/n')).toEqual({ isOpen: false, reason: 'it waits no longer: the obligation was met late' });
  });

  it('forgets the oldest answers, and never a question that is open', () => {
    const history = new History();
    history.hear(fact('tier2/step/escalated', 'r', { stepId: 'first' }));
    for (let index = 0; index < 10_001; index += 1) {
      history.hear(fact('tier2/step/escalated', 'r', { stepId: `s${index}` }));
      history.hear(fact('tier2/step/decided', 'r', { stepId: `s${index}`, decision: 'approve' }));
    }
    expect(history.get('r/first')).toMatchObject({ isOpen: true });
    expect([history.get('r/s0'), history.get('r/s1')?.isOpen, history.openIn('r')]).toEqual([undefined, false, ['r/first']]);
  });
});
