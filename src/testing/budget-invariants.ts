/** I3: budgets add up, in every kind. Each check returns the violations that it found. */

import { freeOf, limitsOf, minus, NONE, plus } from '../machines/ledger.ts';
import { type Amounts, NO_USAGE, type ResourceAllocation, type ResourceUsage } from '../machines/protocol/execution.ts';
import type { Fact } from '../machines/protocol/facts.ts';
import type { RunJob } from '../machines/protocol/run.ts';
import type { SwarmJob } from '../machines/protocol/swarm.ts';
import { withChildUsage } from '../machines/usage.ts';
import { isTerminal } from '../runtime/journal/journal.ts';

interface Payload {
  readonly job?: RunJob | SwarmJob;
  readonly ordinal?: number;
  readonly reserved?: Amounts;
  readonly usage?: ResourceUsage;
}
const payloadOf = (fact: Fact): Payload => fact.payload as Payload;

/** Of the start of a run or a swarm. */
const givenBy = (fact: Fact): ResourceAllocation | undefined =>
  fact.type === 'tier2/routine/started' || fact.type === 'tier1/swarm/coordination_started' ? payloadOf(fact).job?.allocation : undefined;

/** No execution uses more than it was given, and what a run or a swarm books is the sum of its children's. */
export function budgets(facts: readonly Fact[]): string[] {
  const found: string[] = [];
  const given = new Map<string, ResourceAllocation>();
  const ofChildren = new Map<string, ResourceUsage>();
  for (const fact of facts) {
    const { executionId, parentExecutionId, tier } = fact;
    const allocation = givenBy(fact);
    if (allocation) given.set(executionId, allocation);
    const { usage } = payloadOf(fact);
    if (!isTerminal(fact) || !usage) continue;
    const limit = given.get(executionId);
    if (limit) found.push(...excess(usage, limit).map((excessive) => `I3: ${executionId} used ${excessive}`));
    const spent = ofChildren.get(executionId) ?? NO_USAGE;
    if (tier !== 'tier3') found.push(...differences(usage, spent).map((text) => `I3: ${executionId} booked ${text}`));
    if (parentExecutionId === undefined) continue;
    ofChildren.set(parentExecutionId, withChildUsage(ofChildren.get(parentExecutionId) ?? NO_USAGE, bookable(usage, executionId)));
  }
  return found;
}

/** What undoes a step is no step itself. */
const bookable = (usage: ResourceUsage, executionId: string): ResourceUsage =>
  executionId.endsWith('/undo') ? { ...usage, stepsExecuted: 0 } : usage;

function excess({ creditsUsed, tokensUsed = 0, stepsExecuted }: ResourceUsage, limit: Partial<ResourceAllocation>): string[] {
  const { maxCredits, maxTokens = Number.POSITIVE_INFINITY, maxSteps = Number.POSITIVE_INFINITY } = limit;
  return [
    ...(maxCredits !== undefined && BigInt(creditsUsed) > BigInt(maxCredits) ? [`${creditsUsed} of ${maxCredits} credits`] : []),
    ...(tokensUsed > maxTokens ? [`${tokensUsed} of ${maxTokens} tokens`] : []),
    ...(stepsExecuted > maxSteps ? [`${stepsExecuted} of ${maxSteps} steps`] : []),
  ];
}

function differences(own: ResourceUsage, children: ResourceUsage): string[] {
  const { tokensUsed = 0 } = own;
  const { tokensUsed: ofChildren = 0 } = children;
  return [
    ...(BigInt(own.creditsUsed) === BigInt(children.creditsUsed)
      ? []
      : [`${own.creditsUsed} credits, its children ${children.creditsUsed}`]),
    ...(tokensUsed === ofChildren ? [] : [`${tokensUsed} tokens, its children ${ofChildren}`]),
    ...(own.stepsExecuted === children.stepsExecuted ? [] : [`${own.stepsExecuted} steps, its children ${children.stepsExecuted}`]),
  ];
}

const STARTED = /^tier(1\/task|2\/step)\/started$/;
const BOOKED =
  /^tier(1\/task\/(reassigned|given_up|escalated|completed|failed|cancelled)|2\/step\/(completed|failed|skipped|cancelled|branched|fell_back|admitted|iterated))$/;
const UNDONE = /^tier2\/step\/compensat(ed|ion_failed)$/;

/** A run or a swarm, as far as its budget goes. */
interface Books {
  readonly given: ResourceAllocation;
  used: ResourceUsage;
  promised: Amounts;
  readonly byChild: Map<number, { readonly amounts: Amounts; readonly hasBegun: boolean }>;
}

/** What a run or a swarm has used and what it has promised is never more than it was given, and no child uses more than it was promised. */
export function reservations(facts: readonly Fact[]): string[] {
  const found: string[] = [];
  const all = new Map<string, Books>();
  for (const fact of facts) {
    const { executionId, id } = fact;
    const given = givenBy(fact);
    if (given) all.set(executionId, { given, used: NO_USAGE, promised: NONE, byChild: new Map() });
    const books = all.get(executionId);
    if (!books) continue;
    found.push(...entered(books, fact).map((excessive) => `I3: a child of ${executionId} used ${excessive} (${id})`));
    const { credits, tokens, steps, memoryMB } = freeOf(books.given, books.used, books.promised);
    if (BigInt(credits) < 0n || tokens < 0 || steps < 0 || memoryMB < 0)
      found.push(`I3: ${executionId} has promised more than it has (${id})`);
  }
  return found;
}

/** Returns by what a child exceeds what it was promised. */
function entered(books: Books, fact: Fact): string[] {
  const { type } = fact;
  const { ordinal = -1, reserved, usage } = payloadOf(fact);
  const { byChild } = books;
  const promise = (amounts: Amounts | undefined, hasBegun = false): void => {
    books.promised = plus(minus(books.promised, byChild.get(ordinal)?.amounts ?? NONE), amounts ?? NONE);
    if (amounts) byChild.set(ordinal, { amounts, hasBegun });
    else byChild.delete(ordinal);
  };
  if (STARTED.test(type)) promise(reserved, true);
  else if (type === 'tier1/lease/requested' && reserved) promise(reserved);
  else if (/^tier1\/lease\/(lost|withdrawn)$/.test(type) && byChild.get(ordinal)?.hasBegun === false) promise(undefined);
  else if (UNDONE.test(type) && usage) books.used = withChildUsage(books.used, { ...usage, stepsExecuted: 0 });
  else if (BOOKED.test(type) && usage) {
    const { amounts = NONE } = byChild.get(ordinal) ?? {};
    promise(undefined);
    books.used = withChildUsage(books.used, usage);
    return excess(usage, limitsOf(books.given, amounts, NONE));
  }
  return [];
}
