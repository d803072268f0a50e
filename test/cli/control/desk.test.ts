import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Desk } from '../../../src/cli/control/desk.ts';
import { History } from '../../../src/cli/control/history.ts';
import { FakeControls, FakeInbox } from './run-for-test.ts';

const setUp = () => {
  const inbox = new FakeInbox();
  inbox.ask({ executionId: 'r', subject: 'ship' });
  const controls = new FakeControls();
  return { inbox, controls, desk: new Desk(inbox, new History(), controls, (id) => id === 'r') };
};

describe('the desk that answers requests', () => {
  it('has a token that nobody guesses', () => {
    const tokens = new Set(Array.from({ length: 100 }, () => setUp().desk.token));
    expect([tokens.size, [...tokens].every((token) => Buffer.from(token, 'base64url').length === 32)]).toEqual([100, true]);
  });

  it('has a reply to any bytes, and takes no answer from them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array(), fc.string().map(Buffer.from), fc.json().map(Buffer.from)), async (bytes) => {
        const { inbox, desk } = setUp();
        expect(await desk.answer(Buffer.from(bytes))).toMatchObject({ ok: false, error: { code: expect.any(String) as string } });
        expect(inbox.answers).toEqual([]);
      }),
    );
  });

  it('takes no answer from a request that is not just right', async () => {
    const right = {
      v: 1,
      type: 'decide',
      id: 'r/ship',
      answer: { decision: 'approve', value: { to: ['Berlin'] }, by: 'ann', role: 'clerk' },
    };
    const places = [
      ['v'],
      ['type'],
      ['id'],
      ['answer'],
      ['answer', 'decision'],
      ['answer', 'by'],
      ['answer', 'role'],
      ['more'],
      ['answer', 'more'],
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), fc.jsonValue(), async (path, value) => {
        const { inbox, desk } = setUp();
        const request = structuredClone({ ...right, token: desk.token }) as Record<string, unknown>;
        const [first = '', second] = path;
        const holder = (second === undefined ? request : request[first]) as Record<string, unknown>;
        const last = second ?? first;
        fc.pre(holder[last] !== value && !(typeof value === 'string' && (last === 'by' || last === 'role')));
        holder[last] = value;
        expect(await desk.answer(Buffer.from(JSON.stringify(request)))).toMatchObject({ ok: false });
        expect(inbox.answers).toEqual([]);
      }),
    );
  });

  it('hands on whatever value an answer has', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (given) => {
        const value = JSON.parse(JSON.stringify(given)) as null;
        const { inbox, desk } = setUp();
        const request = { v: 1, token: desk.token, type: 'decide', id: 'r/ship', answer: { decision: 'approve', value } };
        expect(await desk.answer(Buffer.from(JSON.stringify(request)))).toEqual({ ok: true, accepted: true });
        expect(inbox.answers[0]?.answer.value).toEqual(value);
      }),
    );
  });

  it('controls the executions that are its own, and says what comes late', async () => {
    const { controls, desk } = setUp();
    const ask = (more: object) => desk.answer(Buffer.from(JSON.stringify({ v: 1, token: desk.token, type: 'control', ...more })));
    expect(await ask({ id: 'r', action: 'cancel', reason: 'wrong input' })).toEqual({ ok: true, accepted: true });
    expect(await ask({ id: 'r', action: 'pause' })).toEqual({ ok: true, accepted: true });
    for (const id of ['r/step', 'other', '']) expect(await ask({ id, action: 'cancel' })).toMatchObject({ ok: false });
    expect(await ask({ id: 'r', action: 'resume' })).toMatchObject({ ok: false, error: { code: 'INVALID_INPUT' } });
    expect(controls.asked).toEqual([
      ['cancel', 'r', 'wrong input'],
      ['pause', 'r'],
    ]);
    controls.isLive = false;
    expect(await ask({ id: 'r', action: 'cancel' })).toEqual({ ok: true, accepted: false, reason: 'it has ended, or is about to' });
  });

  it('pauses nothing that would be lost', async () => {
    const { controls, inbox } = setUp();
    const desk = new Desk(inbox, new History(), { cancel: (id, reason) => controls.cancel(id, reason) }, () => true);
    const request = { v: 1, token: desk.token, type: 'control', id: 'r', action: 'pause' };
    expect(await desk.answer(Buffer.from(JSON.stringify(request)))).toEqual({
      ok: true,
      accepted: false,
      reason: 'it keeps no journal: paused, it would be lost',
    });
  });
});
