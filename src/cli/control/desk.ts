/** Answers the requests that reach a run: what waits, whether an answer was taken, control. Whatever goes wrong becomes a reply. */

import { randomBytes, timingSafeEqual } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { type ErrorCode, SwarmchartError } from '../../machines/protocol/errors.ts';
import { didYouMean } from '../../runtime/workflow/suggest.ts';
import { oneLine } from '../outcome.ts';
import type { History } from './history.ts';
import type { Controls, Inbox, Question } from './inbox.ts';
import {
  type Controlled,
  type ControlRequest,
  type Decided,
  type DecideRequest,
  type Listed,
  LONGEST_PROMPT,
  MOST_LISTED,
  MOST_VOTES,
  PROTOCOL_VERSION,
  type Reply,
  requestSchema,
} from './protocol.ts';

const LOOK_MS = 10;
const MOST_LOOKS = 100;

export class Desk {
  readonly token = randomBytes(32).toString('base64url');
  readonly #inbox: Inbox;
  readonly #history: Pick<History, 'get' | 'ids'>;
  readonly #controls: Controls;
  readonly #isOurs: (executionId: string) => boolean;

  /** `isOurs`: of the executions that may be controlled here. */
  constructor(inbox: Inbox, history: Pick<History, 'get' | 'ids'>, controls: Controls, isOurs: (executionId: string) => boolean) {
    this.#inbox = inbox;
    this.#history = history;
    this.#controls = controls;
    this.#isOurs = isOurs;
  }

  /** Never rejects. */
  async answer(line: Buffer): Promise<Reply> {
    try {
      const request = this.#read(line);
      if (request.type === 'list') return this.#list();
      return request.type === 'decide' ? await this.#decide(request) : await this.#control(request);
    } catch (thrown) {
      if (thrown instanceof SwarmchartError) return refuse(thrown.code, thrown.message);
      return refuse('EXECUTION_FAILED', thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  #read(line: Buffer): z.output<typeof requestSchema> {
    let json: unknown;
    try {
      json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line));
    } catch (thrown) {
      throw new SwarmchartError('SYNTAX_ERROR', `A request is one line of JSON: ${(thrown as Error).message}`);
    }
    const said = (json ?? {}) as { readonly v?: unknown; readonly token?: unknown };
    if (!this.#isToken(said.token)) throw new SwarmchartError('NOT_PERMITTED', 'The request does not carry the token of this run');
    if (said.v !== PROTOCOL_VERSION) {
      throw new SwarmchartError('INVALID_VALUE', `The run speaks version ${PROTOCOL_VERSION}, the request ${oneLine(String(said.v), 20)}`);
    }
    const { success, data, error } = requestSchema.safeParse(json);
    if (success) return data;
    throw new SwarmchartError('INVALID_INPUT', `The request makes no sense: ${oneLine(z.prettifyError(error))}`);
  }

  #list(): Listed {
    const all = this.#inbox.list();
    const waiting = all.slice(0, MOST_LISTED).map(shortened);
    return { ok: true, waiting, left: all.length - waiting.length };
  }

  async #decide({ id, answer }: DecideRequest): Promise<Decided> {
    const question = await this.#await(id);
    if (!question && !this.#history.get(id)) {
      throw new SwarmchartError('INVALID_INPUT', `Nothing called "${oneLine(id)}" has waited in this run.${this.#closest(id)}`);
    }
    const { decision, value, by, role } = answer;
    if (question && !question.options.includes(decision)) {
      const options = question.options.join(', ');
      throw new SwarmchartError('INVALID_VALUE', `"${decision}" is no answer to "${oneLine(id)}", which takes: ${options}`);
    }
    const accepted = await this.#inbox.decide(id, {
      decision,
      ...(value !== undefined && { value }),
      ...(by !== undefined && { by }),
      ...(role !== undefined && { role }),
    });
    const after = this.#find(id);
    if (!accepted) return { ok: true, accepted, reason: this.#reason(id, by, after) };
    // It may have been asked again meanwhile: only an answer that is seen among its votes waits for others.
    const isOpen = after?.votes.some((vote) => vote.by === by);
    return { ok: true, accepted, ...(isOpen && after && { open: shortened(after) }) };
  }

  async #control({ id, action, reason }: ControlRequest): Promise<Controlled> {
    if (!this.#isOurs(id)) throw new SwarmchartError('INVALID_INPUT', `"${oneLine(id)}" does not run here`);
    const accepted = action === 'pause' ? await this.#controls.pause?.(id) : await this.#controls.cancel(id, reason);
    if (accepted === undefined) return { ok: true, accepted: false, reason: 'it keeps no journal: paused, it would be lost' };
    return accepted ? { ok: true, accepted } : { ok: true, accepted: false, reason: 'it has ended, or is about to' };
  }

  #find(id: string): Question | undefined {
    return this.#inbox.list().find((question) => question.id === id);
  }

  /** A question is announced a moment before it can be answered. */
  async #await(id: string): Promise<Question | undefined> {
    for (let left = MOST_LOOKS; left > 0 && !this.#find(id) && this.#history.get(id)?.isOpen; left -= 1) await setTimeout(LOOK_MS);
    return this.#find(id);
  }

  #closest(id: string): string {
    return didYouMean(id, new Set([...this.#inbox.list().map((question) => question.id), ...this.#history.ids()]));
  }

  #reason(id: string, by: string | undefined, open: Question | undefined): string {
    if (open?.votes.some((vote) => vote.by === by)) return `${oneLine(by ?? '')} has answered it before`;
    return this.#history.get(id)?.reason || 'it waits no longer for that';
  }

  #isToken(given: unknown): boolean {
    if (typeof given !== 'string') return false;
    const [mine, theirs] = [Buffer.from(this.token), Buffer.from(given)];
    return mine.length === theirs.length && timingSafeEqual(mine, theirs);
  }
}

export const refuse = (code: ErrorCode, message: string): Reply => ({ ok: false, error: { code, message } });

const shortened = ({ prompt, votes, options, ...rest }: Question): Listed['waiting'][number] => ({
  ...rest,
  prompt: prompt.length > LONGEST_PROMPT ? `${prompt.slice(0, LONGEST_PROMPT - 1)}…` : prompt,
  votes: votes.slice(0, MOST_VOTES).map(({ by, decision, value }) => ({ by, decision, ...(isShort(value) && { value }) })),
  options: [...options],
});

/** Others must give the same value, so it is shown where it can be. */
const isShort = (value: unknown): boolean => value !== undefined && JSON.stringify(value).length <= LONGEST_PROMPT;
