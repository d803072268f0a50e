/** A stream whose facts are published and not kept: of what is not durable yet. */

import type { Fact } from '../../machines/protocol/facts.ts';
import { FactStream } from './fact-stream.ts';

export const publishedStream = (
  name: string,
  publish: (facts: readonly Fact[]) => void,
  onFailed: (error: unknown) => void = () => undefined,
): FactStream => new FactStream({ name, journal: { append: () => undefined }, onCommitted: publish, onFailed });
