/** Asks a run over its control socket. */

import { connect } from 'node:net';
import { MAX_REPLY_BYTES, MAX_REQUEST_BYTES, PROTOCOL_VERSION, type Reply, type Request, replySchemas } from './protocol.ts';

/** Nobody replied, or nothing that makes sense. */
export class NoReply extends Error {
  override readonly name = 'NoReply';
  /** Nobody listens there: `refused`, `missing`. Somebody does: `closed` to us, or, as is `unknown`, has heard the request. */
  readonly why: 'refused' | 'missing' | 'closed' | 'unknown';

  constructor(why: NoReply['why'], message: string) {
    super(message);
    this.why = why;
  }
}

export interface Target {
  readonly address: string;
  readonly token: string;
}

const REPLY_MS = 10_000;

/** Whether a request is short enough to be heard. */
export const fits = (request: Request): boolean => Buffer.byteLength(JSON.stringify(request)) < MAX_REQUEST_BYTES - 1_024;

/** Rejects with NoReply. */
export async function ask<One extends Request>({ address, token }: Target, request: One, replyMs = REPLY_MS): Promise<Reply<One['type']>> {
  const line = await exchange(address, `${JSON.stringify({ v: PROTOCOL_VERSION, token, ...request })}\n`, replyMs);
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new NoReply('unknown', line === '' ? 'it hung up without a reply' : 'its reply is no JSON');
  }
  const { success, data } = replySchemas[request.type].safeParse(json);
  if (!success) throw new NoReply('unknown', 'its reply makes no sense');
  return data as Reply<One['type']>;
}

function exchange(address: string, line: string, replyMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(address);
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => socket.destroy(new NoReply('unknown', `it did not reply within ${replyMs} ms`)), replyMs);
    let isHeard = false;
    socket.on('connect', () => {
      isHeard = true;
      socket.write(line);
    });
    socket.on('data', (chunk) => {
      size += chunk.length;
      if (size > MAX_REPLY_BYTES) socket.destroy(new NoReply('unknown', `its reply has more than ${MAX_REPLY_BYTES} bytes`));
      else chunks.push(chunk);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error instanceof NoReply) reject(error);
      else if (error.code === 'ECONNREFUSED') reject(new NoReply('refused', 'nobody listens on its socket'));
      else if (error.code === 'ENOENT') reject(new NoReply('missing', 'its socket is gone'));
      // It may have replied before it hung up.
      else if (size === 0) reject(new NoReply(isHeard ? 'unknown' : 'closed', error.message));
    });
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks).toString());
    });
  });
}
