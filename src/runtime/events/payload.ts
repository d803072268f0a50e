/** What an event may carry. */

import { toJson } from '../../actors/json.ts';
import { SwarmchartError } from '../../machines/protocol/errors.ts';
import type { JsonObject } from '../../machines/protocol/execution.ts';

const MAX_EVENT_BYTES = 1_048_576;

/** A copy. Throws INVALID_INPUT for what is no object, and what `toJson` throws. */
export function asPayload(given: unknown): JsonObject {
  const json = toJson(given, 'The caller', MAX_EVENT_BYTES);
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as JsonObject;
  throw new SwarmchartError('INVALID_INPUT', 'must be an object');
}
