/** Suggestions for a word that means nothing where it stands. */

import { expect, it } from 'vitest';
import { didYouMean } from '../../../src/runtime/workflow/suggest.ts';

it.each([
  ['quorums', ['role', 'quorum'], ' Did you mean "quorum"?'],
  ['timeout', ['timeout', 'role'], ''],
  ['timeout', ['timeout', 'timeouts'], ' Did you mean "timeouts"?'],
  ['nonsense', ['role'], ''],
])('for %s among %j', (wanted, candidates, suggestion) => {
  expect(didYouMean(wanted, candidates)).toBe(suggestion);
});
