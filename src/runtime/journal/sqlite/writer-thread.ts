/**
 * The body of the thread that writes: one request at a time, each answered when it is safe on disk.
 * The log of heads is made safe a little later, once for many commits.
 */

import { parentPort, workerData } from 'node:worker_threads';
import type { Batch, Dropping, Head } from '../durable/fact-store.ts';
import { StoreError, type StoreFault } from '../durable/fact-store.ts';
import { SqliteWriter, type WriterSettings } from './sqlite-writer.ts';

export type WriterRequest =
  | { readonly type: 'open' }
  | { readonly type: 'commit'; readonly batch: Batch }
  | { readonly type: 'drop'; readonly droppings: readonly Dropping[] }
  | { readonly type: 'sweep' }
  | { readonly type: 'rewriteHeads'; readonly heads: readonly Head[]; readonly position: number }
  | { readonly type: 'close' };

export type WriterAnswer = { readonly result: boolean } | { readonly fault: StoreFault; readonly message: string };

const HEADS_SAFE_AFTER_MS = 100;

let writer: SqliteWriter | undefined;
let syncing: NodeJS.Timeout | undefined;

function perform(request: WriterRequest): boolean {
  if (request.type === 'open') {
    writer = new SqliteWriter(workerData as WriterSettings);
    return true;
  }
  if (request.type === 'close') {
    clearTimeout(syncing);
    writer?.close();
    return true;
  }
  if (!writer) throw new Error(`The writer is not open, and was asked to ${request.type}`);
  switch (request.type) {
    case 'commit':
      writer.commit(request.batch);
      syncing ??= setTimeout(syncHeads, HEADS_SAFE_AFTER_MS);
      return true;
    case 'drop':
      writer.drop(request.droppings);
      return true;
    case 'sweep':
      return writer.sweep();
    case 'rewriteHeads':
      writer.rewriteHeads(request.heads, request.position);
      return true;
  }
}

/** What fails here fails again at the next commit, and is told there. */
function syncHeads(): void {
  syncing = undefined;
  try {
    writer?.syncHeads();
  } catch {
    return;
  }
}

parentPort?.on('message', (request: WriterRequest) => {
  let answer: WriterAnswer;
  try {
    answer = { result: perform(request) };
  } catch (thrown) {
    const fault = thrown instanceof StoreError ? thrown.fault : 'failed';
    answer = { fault, message: thrown instanceof Error ? thrown.message : String(thrown) };
  }
  parentPort?.postMessage(answer);
});
