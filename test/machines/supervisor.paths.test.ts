import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnyMachineSnapshot } from 'xstate';
import { childAt } from '../../src/machines/supervisor.state.ts';
import type { SupervisorContext, SupervisorEvent } from '../../src/machines/supervisor.turn.ts';
import { CoverageRecorder, coverage } from '../../src/testing/coverage.ts';
import { generatePaths } from '../../src/testing/paths.ts';
import { EVERY_CHART } from './paths/every-chart.ts';
import { BORN_AT } from './paths/jobs.ts';
import { aChild, aSupervisor, childrenOf, eventsIn, LiveSupervisor, SPECS } from './paths/supervisors.ts';

const { machine } = EVERY_CHART.supervisor;
const boom = { name: 'Error', message: 'boom' };

const keyOf = ({ context: { state, deferred, asked } }: { readonly context: SupervisorContext }): string =>
  JSON.stringify([
    childrenOf(state).map(({ spec, status }) => [spec.id, status]),
    childAt(state, state.current)?.spec.id,
    state.restarts.size,
    deferred.first()?.type,
    deferred.size,
    asked?.isNew,
    state.outcome?.reason,
  ]);

/** Where paths lead that began alike; what held there once holds again. */
type Place = Map<SupervisorEvent, Place>;

/** Supervisors of whom more is wanted than they can do: whatever comes must wait behind what waits. */
function* crowded(recorder: CoverageRecorder): Generator<LiveSupervisor> {
  const at = BORN_AT;
  const life = { id: 'a', incarnation: 1, at };
  const late: readonly SupervisorEvent[] = [
    { type: 'supervisor.start_child', requestId: '', spec: aChild('b'), at },
    { type: 'supervisor.terminate_child', requestId: '', id: 'a', at },
    { type: 'supervisor.restart_child', requestId: '', id: 'a', at },
    { type: 'supervisor.delete_child', requestId: '', id: 'a', at },
    { type: 'supervisor.which_children', requestId: '', at },
    { type: 'supervisor.count_children', requestId: '', at },
    { type: 'child.done', ...life },
    { type: 'child.crashed', ...life, cause: boom },
    { type: 'child.stopped', ...life },
    { type: 'restart.due', ...life, isCounted: false },
  ];
  for (const event of late) {
    const live = new LiveSupervisor(aSupervisor({ children: [aChild('a')] }), recorder);
    live.hear({ type: 'supervisor.count_children', requestId: '', at });
    live.hear({ type: 'child.started', ...life });
    live.hear(event);
    expect(
      live.actor
        .getSnapshot()
        .context.deferred.map(({ type }) => type)
        .toArray(),
    ).toEqual(['supervisor.count_children', event.type]);
    live.goOn();
    expect(live.actor.getSnapshot().context.deferred.size).toBe(0);
    yield live;
  }
  for (const type of ['child.done', 'child.crashed', 'child.stopped'] as const) {
    const live = new LiveSupervisor(aSupervisor({ strategy: 'one-for-all', children: [aChild('a'), aChild('b'), aChild('c')] }), recorder);
    for (const id of ['a', 'b', 'c']) live.hear({ type: 'child.started', id, incarnation: 1, at });
    live.hear({ type: 'child.crashed', ...life, cause: boom });
    live.hear({ type, id: 'b', incarnation: 1, at, cause: boom });
    for (const id of ['c', 'b']) live.hear({ type: 'child.stopped', id, incarnation: 1, at });
    for (const id of ['a', 'b', 'c']) live.hear({ type: 'child.started', id, incarnation: 2, at });
    live.goOn();
    expect(live.facts.filter((fact) => fact.type === 'supervisor/child_ended').map(({ payload }) => payload.id)).toEqual(['a', 'c', 'b']);
    expect(live.state.phase).toBe('supervising.idle');
    yield live;
  }
}

describe('a supervisor', () => {
  it('keeps its promises on generated paths that take every transition', () => {
    const recorder = new CoverageRecorder();
    let count = 0;
    for (const spec of SPECS) {
      const paths = generatePaths(machine, {
        inputs: [{ spec, at: BORN_AT }],
        events: (snapshot) => eventsIn(snapshot, spec.children.length > 1 ? 0 : 1),
        key: keyOf,
      });
      count += paths.length;
      const beginnings: Place = new Map();
      for (const { events } of paths) {
        const live = new LiveSupervisor(spec, recorder);
        let place = beginnings;
        for (const event of events) {
          const next: Place = place.get(event) ?? new Map();
          live.hear(event, place.has(event));
          place.set(event, next);
          place = next;
        }
        live.actor.stop();
        expect(live.clock.pending).toBe(0);
      }
    }
    expect(count).toBeGreaterThan(5_000);
    for (const live of crowded(recorder)) live.actor.stop();
    const report = coverage(machine, recorder);
    expect(report.isComplete, report.table).toBe(true);
  }, 120_000);

  it('keeps its promises whatever it hears, in whatever order', () => {
    const strides = fc.array(fc.record({ wait: fc.nat(2_000), pick: fc.nat(10_000) }), { maxLength: 60, size: 'max' });
    fc.assert(
      fc.property(fc.constantFrom(...SPECS), strides, (spec, steps) => {
        const live = new LiveSupervisor(spec);
        for (const { wait, pick } of steps) {
          live.clock.advance(wait);
          live.check();
          const snapshot = live.actor.getSnapshot() as AnyMachineSnapshot;
          const isLast = pick % 20 === 0;
          const events = eventsIn(snapshot as never, 20).filter(({ type }) => isLast || type !== 'supervisor.stop');
          const event = events[pick % events.length];
          if (event) live.hear(event);
        }
        live.goOn();
        live.actor.stop();
        expect(live.clock.pending).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
