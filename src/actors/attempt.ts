/**
 * Makes one attempt at a step: waits until the fact that started it is committed, then does the work.
 *
 * Secrets are got here, for this attempt alone: what it answers holds none of them. It always answers with `attempt.settled`, whatever the work
 * does: throws, returns rubbish, ignores its signal. When it is stopped the work's signal is aborted; work that goes on regardless is counted,
 * and so is its late result.
 */

import { fromCallback } from 'xstate';
import { executionError, SwarmchartError } from '../machines/protocol/errors.ts';
import type { AttemptCommand, AttemptInput, AttemptOutcome, AttemptReply, StepJob } from '../machines/protocol/step.ts';
import { addCredits, lessCredits } from '../machines/usage.ts';
import { AttemptSecrets } from './attempt-secrets.ts';
import { describe, wrapTierError } from './failure.ts';
import { toJson } from './json.ts';
import type { WorkServices } from './services.ts';
import type { ToolContext } from './tool.ts';
import { doWork, nameOf } from './work.ts';

export const attemptActor = (services: WorkServices) =>
  fromCallback<AttemptCommand, AttemptInput>(({ input, sendBack, receive }) => {
    const attempt = new Attempt(input, services, (reply) => sendBack(reply));
    receive((command) => attempt.obey(command));
    void attempt.run();
    return () => attempt.leave();
  });

class Attempt {
  readonly #input: AttemptInput;
  readonly #services: WorkServices;
  readonly #reply: (reply: AttemptReply) => void;
  readonly #abort = new AbortController();
  readonly #secrets: AttemptSecrets;
  #credits = '0';
  #memoryMB = 0;
  #tokens = 0;
  #overspent: SwarmchartError | undefined;
  #isSettled = false;
  #hasLeft = false;
  /** Of work that must hear when nobody waits for it any more. */
  #left: PromiseWithResolvers<void> | undefined;
  /** While paused: resolves what waits at a checkpoint. */
  #wake: (() => void) | undefined;
  #pause: Promise<void> | undefined;
  #pauseNumber = 0;
  /** While it is at work, and neither waits at the gate nor is suspended. */
  #rest: (() => void) | undefined;

  constructor(input: AttemptInput, services: WorkServices, reply: (reply: AttemptReply) => void) {
    this.#input = input;
    this.#services = services;
    this.#reply = reply;
    this.#secrets = new AttemptSecrets(services.secrets, this.#abort.signal);
    if (input.mode === 'suspended' || (input.mode === 'pausing' && this.#canSuspend)) this.#hold(input.pause);
  }

  obey(command: AttemptCommand): void {
    if (command.type === 'attempt.abort') {
      this.#abort.abort(new SwarmchartError(command.cause === 'timeout' ? 'STEP_TIMEOUT' : 'CANCELLED', command.reason));
      this.#wake?.();
    }
    if (command.type === 'attempt.pause' && this.#canSuspend) this.#hold(command.pause);
    if (command.type === 'attempt.resume') this.#release();
  }

  get #canSuspend(): boolean {
    const { work } = this.#input.job;
    return work.kind === 'tool' && this.#services.tools.get(work.tool)?.onPause === 'suspend';
  }

  async run(): Promise<void> {
    const outcome = await this.#outcome();
    this.#secrets.release();
    this.#isSettled = true;
    this.#atRest();
    if (this.#hasLeft) this.#services.counters.lateResults++;
    else this.#reply({ type: 'attempt.settled', attempt: this.#input.attempt, outcome, at: this.#services.clock.now() });
  }

  leave(): void {
    this.#hasLeft = true;
    if (this.#isSettled) return;
    this.#atRest();
    this.#left?.resolve();
    this.#services.counters.abandoned++;
    this.#abort.abort(new SwarmchartError('CANCELLED', 'the step was left'));
    this.#release();
  }

  async #outcome(): Promise<AttemptOutcome> {
    const { job, execution, mode } = this.#input;
    try {
      // XState starts an attempt before the executor's first facts are recorded: only in the next turn are they before the gate.
      await Promise.resolve();
      const gate = this.#services.streams.committed(execution);
      if (gate) await gate;
      if (mode === 'aborted') {
        // It was under way in an earlier life.
        this.#spend(declaredBy(job));
        throw new SwarmchartError('CANCELLED', 'the work was not started again');
      }
      if (mode === 'suspended') await this.#pause;
      this.#abort.signal.throwIfAborted();
      this.#atWork();
      for (const condition of job.when) {
        if (!(await this.#services.evaluate(condition, job.scope, this.#abort.signal))) return { kind: 'skipped', usage: this.#usage() };
        this.#abort.signal.throwIfAborted();
      }
      this.#spend(declaredBy(job));
      const returned = await doWork(job, this.#context(), this.#services, () => this.#whenLeft());
      if (this.#overspent) throw this.#overspent;
      this.#abort.signal.throwIfAborted();
      const output = this.#services.secrets.scrub(toJson(returned, nameOf(job), this.#services.maxOutputBytes));
      return { kind: 'succeeded', output, usage: this.#usage() };
    } catch (thrown) {
      return { kind: 'failed', error: this.#services.secrets.scrub(this.#errorFrom(thrown)), usage: this.#usage() };
    }
  }

  #errorFrom(thrown: unknown) {
    if (this.#overspent) return wrapTierError(this.#overspent, 'tier3');
    const { signal } = this.#abort;
    if (signal.aborted) return executionError('CANCELLED', `${nameOf(this.#input.job)} was aborted`, 'tier3');
    return wrapTierError(thrown, 'tier3', this.#services.classify);
  }

  #context(): ToolContext {
    const { execution, job, attempt } = this.#input;
    return {
      signal: this.#abort.signal,
      execution,
      stepId: job.stepId,
      attempt,
      idempotencyKey: job.idempotencyKey,
      checkpoint: () => this.#checkpoint(),
      spend: (usage) => this.#spend(usage),
      secret: this.#secrets.get,
      blackboard: this.#services.blackboard(execution, this.#abort.signal),
      log: this.#services.log,
    };
  }

  #whenLeft(): Promise<void> {
    this.#left ??= Promise.withResolvers<void>();
    if (this.#hasLeft) this.#left.resolve();
    return this.#left.promise;
  }

  #checkpoint(): Promise<void> {
    if (!this.#pause && !this.#abort.signal.aborted) return Promise.resolve();
    const passed = this.#passCheckpoint();
    // A tool that does not wait for its checkpoint must not bring down the process when it is aborted there.
    passed.catch(() => undefined);
    return passed;
  }

  async #passCheckpoint(): Promise<void> {
    this.#abort.signal.throwIfAborted();
    this.#reply({ type: 'attempt.suspended', attempt: this.#input.attempt, pause: this.#pauseNumber, at: this.#services.clock.now() });
    this.#atRest();
    await this.#pause;
    if (!this.#isSettled && !this.#hasLeft) this.#atWork();
    this.#abort.signal.throwIfAborted();
  }

  #atWork(): void {
    this.#rest ??= this.#services.streams.begin(this.#input.execution);
  }

  #atRest(): void {
    this.#rest?.();
    this.#rest = undefined;
  }

  #hold(pause: number): void {
    this.#pauseNumber = pause;
    if (this.#pause) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pause = promise;
    this.#wake = resolve;
  }

  #release(): void {
    this.#wake?.();
    this.#pause = undefined;
    this.#wake = undefined;
  }

  #spend(usage: Spent): void {
    const { creditsLeft, tokensLeft = Number.MAX_SAFE_INTEGER, job } = this.#input;
    const { credits, tokens, memoryMB } = checkedUsage(usage);
    const total = addCredits(this.#credits, credits);
    const allTokens = this.#tokens + tokens;
    const problem = lessCredits(creditsLeft, total)
      ? `${total} credits where ${creditsLeft} are left`
      : allTokens > tokensLeft
        ? `${allTokens} tokens where ${tokensLeft} are left`
        : memoryMB > job.allocation.maxMemoryMB
          ? `${memoryMB} MB of memory where ${job.allocation.maxMemoryMB} are allowed`
          : undefined;
    if (!problem) {
      this.#credits = total;
      this.#tokens = allTokens;
      this.#memoryMB = Math.max(this.#memoryMB, memoryMB);
      return;
    }
    this.#overspent = new SwarmchartError('RESOURCE_EXHAUSTED', `Step "${job.stepId}" needs ${problem}`, { errorClass: 'permanent' });
    this.#abort.abort(this.#overspent);
    throw this.#overspent;
  }

  #usage() {
    return { credits: this.#credits, memoryMB: this.#memoryMB, ...(this.#tokens > 0 && { tokens: this.#tokens }) };
  }
}

const declaredBy = ({ credits, tokens = 0, memoryMB = 0 }: StepJob) => ({ credits, tokens, memoryMB });

type Spent = Parameters<ToolContext['spend']>[0];

/** Tools in JavaScript book what they like. */
function checkedUsage(usage: unknown): Required<Spent> {
  const { credits = '0', tokens = 0, memoryMB = 0 } = (usage ?? { credits: null }) as { readonly [Kind in keyof Spent]?: unknown };
  if (typeof credits !== 'string' || !/^\d+$/.test(credits)) {
    throw new SwarmchartError('INVALID_VALUE', `Credits must be a non-negative integer in a string, got ${describe(credits)}`);
  }
  if (typeof tokens !== 'number' || !Number.isSafeInteger(tokens) || tokens < 0) {
    throw new SwarmchartError('INVALID_VALUE', `Tokens must be an integer that is not negative, got ${describe(tokens)}`);
  }
  if (typeof memoryMB !== 'number' || !Number.isFinite(memoryMB) || memoryMB < 0) {
    throw new SwarmchartError('INVALID_VALUE', `Megabytes must be a finite number that is not negative, got ${describe(memoryMB)}`);
  }
  return { credits, tokens, memoryMB };
}
