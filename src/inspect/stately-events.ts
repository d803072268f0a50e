/** XState's inspection events as messages of the Stately inspector: for viewers of one's own. */

import type { InspectionEvent } from 'xstate';
import { takeCensus } from './census.ts';
import { MessageWriter, type StatelyMessage } from './messages.ts';

export interface StatelyOptions {
  /**
   * Sees every whole message before it leaves and returns what leaves instead; nothing: it stays here. So it can take secrets out of contexts,
   * inputs, events and definitions alike. When it throws, the message stays here, and the process warns of it, once.
   */
  readonly sanitize?: (message: StatelyMessage) => StatelyMessage | undefined;
  /** Levels of objects in a snapshot or an event. @default 50 */
  readonly maxDepth?: number;
  /** About how many characters of JSON a snapshot or an event may have; the rest is left out, and it says so. @default 100_000 */
  readonly maxCharacters?: number;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

export const DEFAULT_MAX_DEPTH = 50;
export const DEFAULT_MAX_CHARACTERS = 100_000;

/**
 * An observer for `createRuntime({ inspect })`, or for `createActor(…, { inspect })` of XState itself. Each message is plain JSON, made at once, so it
 * shows the state of that moment. An actor is told of before its children and before its first event.
 */
export function statelyEvents(send: (message: StatelyMessage) => void, options: StatelyOptions = {}): (event: InspectionEvent) => void {
  const writer = writerFor(options);
  const sanitize = sanitizer(options, writer);
  const post = (message: StatelyMessage): void => {
    const clean = sanitize(message);
    if (clean) send(clean);
  };
  return takeCensus({
    actor: (party) => post(writer.actor(party)),
    event: (party, event, source) => post(writer.event(party, event, source)),
    snapshot: (party, snapshot, event) => post(writer.snapshot(party, snapshot, event)),
  });
}

export function writerFor(options: StatelyOptions): MessageWriter {
  const { maxDepth = DEFAULT_MAX_DEPTH, maxCharacters = DEFAULT_MAX_CHARACTERS, now = Date.now } = options;
  return new MessageWriter({ maxDepth, maxCharacters }, now);
}

export function sanitizer({ sanitize }: StatelyOptions, writer: MessageWriter): (message: StatelyMessage) => StatelyMessage | undefined {
  if (!sanitize) return (message) => message;
  let hasWarned = false;
  return (message) => {
    try {
      const clean = sanitize(message);
      return clean && writer.checked(clean);
    } catch {
      if (!hasWarned) process.emitWarning('The sanitizer of the inspector threw; what it was given is not shown', 'SwarmchartWarning');
      hasWarned = true;
      return undefined;
    }
  };
}
