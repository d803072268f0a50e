import { type Pick, type Story, search, seeded, simulate } from 'swarmchart/testing';

const order = (pick: Pick): Story => ({
  workflow: {
    id: 'order',
    retry: 1,
    steps: [
      { id: 'charge', tool: 'pay' },
      { id: 'ship', tool: 'send', dependencies: ['charge'] },
    ],
  },
  tools: (world) => [world.tool('pay', ['succeed', 'fail']), world.tool('send', ['succeed', 'slow'])],
  controls: pick(2) === 0 ? ['pause', 'resume'] : [],
  processCrashes: 2,
});

const pick = seeded(1);
const { violations, result, trace, facts } = await simulate(pick, order(pick));
const crashes = trace.filter((label) => label === 'the process crashes');
console.log(violations, result?.status, crashes.length, facts.filter(({ type }) => type === 'execution/recovered').length);

const finding = await search((each) =>
  simulate(each, {
    ...order(each),
    tools: (world) => [world.tool('pay', ['succeed']), world.tool('send', ['succeed'])],
    invariants: { 'money moves once': ({ calls }) => calls.filter(({ tool }) => tool === 'pay').length < 2 },
  }),
);
console.log(
  finding?.report.violations,
  finding?.report.trace.filter((label) => /^pay|crashes$/.test(label)),
);
