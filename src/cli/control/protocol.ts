/**
 * What is said on the control socket: one request and one reply a connection, each one line of JSON. Both sides read the other's words
 * through a schema, and stop reading where a line grows longer than any that makes sense.
 */

import { z } from 'zod';
import type { ErrorCode } from '../../machines/protocol/errors.ts';
import type { Json } from '../../machines/protocol/execution.ts';
import { VERDICTS } from './inbox.ts';

export const PROTOCOL_VERSION = 1;

/** A value of a megabyte, and what is around it. */
export const MAX_REQUEST_BYTES = 1_114_112;
export const MAX_REPLY_BYTES = 16_777_216;
/** Questions in one reply; answers and characters of one of them. */
export const MOST_LISTED = 1_000;
export const MOST_VOTES = 100;
export const LONGEST_PROMPT = 10_000;
export const LONGEST_REASON = 1_000;

const json = z.custom<Json>((value) => value !== undefined);
const envelope = { v: z.literal(PROTOCOL_VERSION), token: z.string().max(256) };

export const requestSchema = z.discriminatedUnion('type', [
  z.strictObject({ ...envelope, type: z.literal('list') }),
  z.strictObject({
    ...envelope,
    type: z.literal('decide'),
    id: z.string().min(1).max(10_000),
    answer: z.strictObject({
      decision: z.enum(VERDICTS),
      value: json.optional(),
      by: z.string().max(256).optional(),
      role: z.string().max(256).optional(),
    }),
  }),
  z.strictObject({
    ...envelope,
    type: z.literal('control'),
    /** Of the whole execution. */
    id: z.string().min(1).max(10_000),
    action: z.enum(['cancel', 'pause']),
    reason: z.string().max(LONGEST_REASON).optional(),
  }),
]);

type Stamped = z.output<typeof requestSchema>;
type Unstamped<One> = One extends unknown ? Omit<One, 'v' | 'token'> : never;
/** `v` and `token` are added by whoever sends it. */
export type Request = Unstamped<Stamped>;
export type DecideRequest = Extract<Stamped, { type: 'decide' }>;
export type ControlRequest = Extract<Stamped, { type: 'control' }>;
export type Action = ControlRequest['action'];

const question = z.object({
  id: z.string(),
  executionId: z.string(),
  kind: z.enum(['approval', 'step', 'task', 'obligation']),
  subject: z.string(),
  prompt: z.string(),
  role: z.string().optional(),
  quorum: z.number(),
  votes: z.array(z.object({ by: z.string(), decision: z.string(), value: json.optional() })),
  since: z.number(),
  expiresAt: z.number().optional(),
  options: z.array(z.enum(VERDICTS)),
});

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}
const refusal = z.object({ code: z.string().transform((code) => code as ErrorCode), message: z.string() });

/** `left`: how many more wait than are listed. */
const listed = z.object({ ok: z.literal(true), waiting: z.array(question), left: z.number() });
/** `open`: the question, when it waits for more answers after this one. `reason`: why an answer came in vain. */
const decided = z.object({
  ok: z.literal(true),
  accepted: z.boolean(),
  open: question.optional(),
  reason: z.string().optional(),
});
/** Accepted: it is under way. `reason`: why it came in vain. */
const controlled = z.object({ ok: z.literal(true), accepted: z.boolean(), reason: z.string().optional() });
const refused = z.object({ ok: z.literal(false), error: refusal });

export const replySchemas = {
  list: z.union([listed, refused]),
  decide: z.union([decided, refused]),
  control: z.union([controlled, refused]),
} as const;

export type Reply<Type extends Request['type'] = Request['type']> = z.output<(typeof replySchemas)[Type]>;
export type Listed = z.output<typeof listed>;
export type Decided = z.output<typeof decided>;
export type Controlled = z.output<typeof controlled>;
