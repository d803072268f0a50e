/** Stories for the simulation: one workflow with every kind of step, and what a client may do to it. */

import type { Control, Pick, Story } from '../../src/testing/testing.ts';

const CONTROLS: readonly Control[] = ['pause', 'resume', 'cancel', 'pause', 'resume', 'approve', 'retry', 'reject', 'abort'];

/** A chain, a parallel step under either failure policy, a conditional, an escalation, retries, a budget, few or many places. */
export function everyKind(pick: Pick): Story {
  return {
    workflow: {
      id: 'every-kind',
      retry: { maxRetries: pick(3), backoff: { baseMs: 100 } },
      steps: [
        { id: 'first', tool: 'work', credits: '1' },
        { id: 'second', tool: 'work', dependencies: ['first'], credits: '2' },
        {
          id: 'branches',
          type: 'parallel',
          dependencies: ['first'],
          onBranchFailure: pick(2) === 0 ? 'fail-fast' : 'collect',
          onFailure: pick(2) === 0 ? 'stop' : 'continue',
          ...(pick(2) === 0 && { maxConcurrency: 1 }),
          steps: [
            { id: 'left', tool: 'suspendable' },
            { id: 'right', tool: 'work' },
            { id: 'after-left', tool: 'work', dependencies: ['left'] },
          ],
        },
        { id: 'asked', tool: 'work', dependencies: ['second'], fallbacks: [{ on: 'any', action: 'escalate-to-human' }] },
        { id: 'replaced', tool: 'work', fallbacks: [{ on: 'any', action: 'use-tool', tool: 'suspendable' }], onFailure: 'continue' },
        {
          id: 'choice',
          type: 'conditional',
          dependencies: ['second'],
          condition: 'input.wanted',
          then: [{ id: 'chosen', tool: 'suspendable' }],
          else: [{ id: 'other', tool: 'work' }],
        },
      ],
    },
    input: { wanted: pick(2) === 0 },
    allocation: { maxCredits: pick(4) === 0 ? '4' : '1000', maxConcurrentSteps: 1 + pick(4) },
    tools: (world) => [
      world.tool('work', ['succeed', 'succeed', 'succeed', 'succeed', 'fail', 'hang', 'deaf']),
      world.tool('suspendable', ['succeed', 'checkpoint', 'checkpoint', 'fail'], { onPause: 'suspend' }),
    ],
    controls: Array.from({ length: pick(5) }, () => CONTROLS[pick(CONTROLS.length)] ?? 'pause'),
  };
}
