/** Where the main thread is, asked from another one while it is busy: V8's own debugger looks, for an instant, and lets it go on. */

import type { Debugger } from 'node:inspector';

const MOST_FRAMES = 3;

let isLooking = false;

/**
 * Tells the innermost functions that are the program's own, if there are any to be seen. In native code there is nothing to stop at; the
 * look then waits until that is over. Without a debugger in this Node, nothing is told.
 */
export function stackOfMain(tell: (frames: readonly string[]) => void): void {
  // A Node can be built without an inspector.
  const inspector = process.getBuiltinModule('node:inspector') as typeof import('node:inspector') | undefined;
  if (isLooking || !inspector) return;
  const session = new inspector.Session();
  try {
    session.connectToMainThread();
  } catch {
    return tell([]);
  }
  isLooking = true;
  const files = new Map<string, string>();
  session.on('Debugger.scriptParsed', ({ params }) => files.set(params.scriptId, params.url));
  session.on('Debugger.paused', ({ params }) => {
    session.post('Debugger.resume');
    if (!isLooking) return;
    isLooking = false;
    tell(framesIn(params.callFrames, files));
    session.post('Debugger.disable', () => session.disconnect());
  });
  session.post('Debugger.enable');
  session.post('Debugger.pause');
}

function framesIn(frames: readonly Debugger.CallFrame[], files: ReadonlyMap<string, string>): readonly string[] {
  const own = frames.flatMap(({ functionName, location: { scriptId, lineNumber, columnNumber = 0 } }) => {
    const file = files.get(scriptId) ?? '';
    if (!file.startsWith('file:')) return [];
    return [`${functionName || 'a function'} (${file}:${lineNumber + 1}:${columnNumber + 1})`];
  });
  return own.slice(0, MOST_FRAMES);
}
