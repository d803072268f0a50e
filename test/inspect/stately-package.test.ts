/** The real `@statelyai/inspect`: its inspectors take a runtime, and its types take our messages. */

import {
  createInspector,
  type StatelyActorEvent,
  type StatelyEventEvent,
  type StatelyInspectionEvent,
  type StatelySnapshotEvent,
} from '@statelyai/inspect';
import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import type { ActorMessage, EventMessage, SnapshotMessage } from '../../src/inspect/inspect.ts';
import { PROTOCOL_VERSION } from '../../src/inspect/messages.ts';
import { startRuntime } from '../support/start-runtime.ts';

const steps = [{ id: 'only', tool: 'echo', parameters: { message: 'hello' } }];

describe('@statelyai/inspect', () => {
  it('hears of every actor of a runtime, and all of it is JSON', async () => {
    const sent: StatelyInspectionEvent[] = [];
    const inspector = createInspector({ send: (event) => sent.push(event) });
    await using world = await startRuntime({ inspect: inspector.inspect });
    const result = await world.runtime.run({ id: 'w', steps }).result();
    expect(result).toMatchObject({ success: true, result: 'hello' });
    // It converts later, by timers of its own.
    await vi.waitFor(() => expect(sent.some((event) => event.type === '@xstate.snapshot' && event.snapshot.status === 'done')).toBe(true));
    expect(() => JSON.stringify(sent)).not.toThrow();
    const names = sent.flatMap((event) => (event.type === '@xstate.actor' ? [event.name] : []));
    expect(names).toEqual(expect.arrayContaining(['runtime', 'run-1', 'nursery', 'only', 'attempt', 'breaker/tool/echo']));
    expect(sent.map(({ _version }) => _version)).toEqual(sent.map(() => PROTOCOL_VERSION));
  });

  it('types the messages that we send', () => {
    // Absent is what undefined becomes on the wire; what is shown of a snapshot is plain JSON.
    expectTypeOf<Omit<EventMessage, 'sourceId'>>().toExtend<Omit<StatelyEventEvent, 'sourceId'>>();
    expectTypeOf<Omit<ActorMessage, 'snapshot'>>().toExtend<Omit<StatelyActorEvent, 'snapshot' | 'parentId'>>();
    expectTypeOf<Omit<SnapshotMessage, 'snapshot'>>().toExtend<Omit<StatelySnapshotEvent, 'snapshot'>>();
  });
});
