/** For those who watch: live actors in the Stately inspector, or in a viewer of their own. */

export type { InspectionObserver } from '../runtime/inspection.ts';
export type { ActorMessage, EventMessage, SnapshotMessage, StatelyMessage } from './messages.ts';
export { type Inspector, type InspectorOptions, startInspector } from './start-inspector.ts';
export { type StatelyOptions, statelyEvents } from './stately-events.ts';
