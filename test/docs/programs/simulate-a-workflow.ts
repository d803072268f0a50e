import { type Pick, type Story, scripted, search, simulate } from 'swarmchart/testing';

/** Everything that can go one way or another asks `pick`. */
const trip = (pick: Pick): Story => ({
  workflow: {
    id: 'trip',
    retry: 1,
    steps: [
      { id: 'flight', tool: 'book', compensate: { tool: 'unbook' } },
      { id: 'hotel', tool: 'book', dependencies: ['flight'] },
    ],
  },
  tools: (world) => [
    world.tool('book', ['succeed', 'fail', 'hang', 'slow', 'late'], { timeoutMs: 10_000 }),
    world.tool('unbook', ['succeed']),
  ],
  controls: pick(2) === 0 ? ['pause', 'resume'] : ['jump', 'cancel'],
  repeats: ['attempt.settled', 'child.done'],
  invariants: {
    'nothing is booked a third time': ({ calls }) => calls.filter(({ tool }) => tool === 'book').length < 3,
  },
});

const finding = await search((pick) => simulate(pick, trip(pick)), { from: 1, runs: 100 });
console.log(finding?.report.violations);
console.log(finding?.report.trace.filter((label) => label.startsWith('book')));

const again = scripted(finding?.choices ?? []);
const { violations, trace } = await simulate(again, trip(again));
console.log(violations, trace.length === finding?.report.trace.length);
