import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decision, Vote } from '../../src/machines/protocol/decision.ts';
import { askedBy, judge, MOST_VOTES, voteOf } from '../../src/machines/votes.ts';

const approve = (by?: string, value?: Decision['value']): Decision => ({
  decision: 'approve',
  ...(by !== undefined && { by }),
  ...(value !== undefined && { value }),
});

describe('an answer', () => {
  it('decides at once where nobody else is asked, named or not', () => {
    expect(judge({}, [], approve())).toBe('decision');
    expect(judge({ quorum: 1 }, [], approve('ann'))).toBe('decision');
  });

  it('in another role, or in none, is forbidden where one is asked for', () => {
    expect(judge({ role: 'lead' }, [], approve('ann'))).toBe('forbidden');
    expect(judge({ role: 'lead' }, [], { ...approve('ann'), role: 'clerk' })).toBe('forbidden');
    expect(judge({ role: 'lead' }, [], { ...approve('ann'), role: 'lead' })).toBe('decision');
  });

  it('needs a name where several people must agree', () => {
    expect(judge({ quorum: 2 }, [], approve())).toBe('unnamed');
    expect(judge({ quorum: 2 }, [], approve(''))).toBe('unnamed');
  });

  it('agrees with another one only when its value is the same, whatever the order of its keys', () => {
    const votes = [voteOf(approve('ann', { to: 'Berlin', by: [1] }))];
    expect(judge({ quorum: 2 }, votes, approve('bob', { by: [1], to: 'Berlin' }))).toBe('decision');
    expect(judge({ quorum: 2 }, votes, approve('bob', { by: [1], to: 'Bonn' }))).toBe('vote');
    expect(judge({ quorum: 2 }, votes, approve('bob'))).toBe('vote');
    expect(judge({ quorum: 2 }, [voteOf(approve('ann', null))], approve('bob'))).toBe('vote');
  });

  it('is kept only as long as there are not too many', () => {
    const votes = Array.from({ length: MOST_VOTES }, (_, index) => voteOf(approve(`p${index}`, index)));
    expect(judge({ quorum: 2 }, votes.slice(1), approve('ann'))).toBe('vote');
    expect(judge({ quorum: 2 }, votes, approve('ann'))).toBe('ignored');
    expect(judge({ quorum: 2 }, votes, { decision: 'reject', by: 'ann' })).toBe('decision');
  });

  it('is asked for with what the policy says, and an expiry that counts from now', () => {
    expect(askedBy({}, 5)).toEqual({});
    expect(askedBy({ role: 'lead', quorum: 2, timeoutMs: 10 }, 5)).toEqual({ role: 'lead', quorum: 2, expiresAt: 15 });
    expect(askedBy({ quorum: 1 }, 5)).toEqual({});
  });
});

const answer: fc.Arbitrary<Decision> = fc.record({
  decision: fc.constantFrom('approve' as const, 'reject' as const, 'retry' as const, 'abort' as const),
  by: fc.constantFrom('ann', 'bob', 'cid', 'dan'),
  role: fc.constantFrom('lead', 'lead', 'clerk'),
  value: fc.constantFrom(null, 1),
});

describe('a quorum', () => {
  it('is reached by so many different people who say the same, or by one who rejects, and never before', () => {
    fc.assert(
      fc.property(
        fc.array(answer, { maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(undefined, 'lead'),
        (all, quorum, role) => {
          const asked = { quorum, ...(role !== undefined && { role }) };
          const counted: Vote[] = [];
          for (const given of all) {
            const verdict = judge(asked, counted, given);
            const isPermitted = role === undefined || given.role === role;
            expect(verdict === 'forbidden').toBe(!isPermitted);
            if (!isPermitted) continue;
            const isFirst = !counted.some(({ by }) => by === given.by);
            expect(verdict === 'ignored').toBe(!isFirst);
            if (!isFirst) continue;
            counted.push(voteOf(given));
            const alike = counted.filter(({ decision, value }) => decision === given.decision && value === given.value);
            const isReached = given.decision === 'reject' || new Set(alike.map(({ by }) => by)).size >= quorum;
            expect(verdict).toBe(isReached ? 'decision' : 'vote');
            if (isReached) return;
          }
        },
      ),
    );
  });
});
