/** Whatever user code throws becomes a failure as data. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wrapTierError } from '../../src/actors/failure.ts';
import { ERROR_CLASSES, type ErrorCode, SwarmchartError } from '../../src/machines/protocol/errors.ts';

describe('wrapTierError', () => {
  it('keeps the code, the class and the context of an error of ours', () => {
    const cause = new RangeError('deep down');
    const error = new SwarmchartError('RESOURCE_EXHAUSTED', 'no credits', { cause, context: { left: '0' } });
    expect(wrapTierError(error, 'tier3')).toEqual({
      code: 'RESOURCE_EXHAUSTED',
      message: 'no credits',
      tier: 'tier3',
      retryable: true,
      errorClass: 'resource',
      cause: { name: 'RangeError', message: 'deep down' },
      context: { left: '0' },
    });
  });

  it('makes any other error EXECUTION_FAILED, which may be retried', () => {
    expect(wrapTierError(new TypeError('x is not a function'), 'tier2')).toEqual({
      code: 'EXECUTION_FAILED',
      message: 'x is not a function',
      tier: 'tier2',
      retryable: true,
      errorClass: 'transient',
      cause: { name: 'TypeError', message: 'x is not a function' },
    });
  });

  it.each([
    ['a text', 'Threw a text, which is not an Error', { name: 'string', message: 'a text' }],
    [{ a: 1 }, 'Threw {"a":1}, which is not an Error', { name: 'object', message: '{"a":1}' }],
    [null, 'Threw null, which is not an Error', { name: 'object', message: 'null' }],
    [undefined, 'Threw undefined, which is not an Error', undefined],
    [7n, 'Threw [object BigInt], which is not an Error', { name: 'bigint', message: '[object BigInt]' }],
  ])('describes %s', (thrown, message, cause) => {
    const error = wrapTierError(thrown, 'tier3');
    expect(error).toMatchObject({ code: 'EXECUTION_FAILED', message });
    expect(error.cause).toEqual(cause);
  });

  it('lets the classifier decide the class, and with it whether a retry can help', () => {
    const permanent = wrapTierError(new Error('404'), 'tier3', () => 'permanent');
    expect(permanent).toMatchObject({ code: 'EXECUTION_FAILED', errorClass: 'permanent', retryable: false });
    const unsaid = wrapTierError(new SwarmchartError('STEP_TIMEOUT', 'slow'), 'tier3', () => undefined);
    expect(unsaid).toMatchObject({ errorClass: 'timeout', retryable: true });
  });

  it('goes by the error itself when the classifier throws', () => {
    const classify = () => {
      throw new Error('the classifier is broken');
    };
    expect(wrapTierError(new Error('no'), 'tier3', classify)).toMatchObject({ message: 'no', errorClass: 'transient' });
  });

  it('gives JSON for anything that is thrown, and for every code its class', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }), (thrown) => {
        const error = wrapTierError(thrown, 'tier3');
        expect(JSON.parse(JSON.stringify(error))).toEqual(error);
      }),
    );
    for (const [code, errorClass] of Object.entries(ERROR_CLASSES)) {
      expect(wrapTierError(new SwarmchartError(code as ErrorCode, 'm'), 'tier1')).toMatchObject({ code, errorClass });
    }
  });
});
