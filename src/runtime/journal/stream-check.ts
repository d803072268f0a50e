/** Whether a list is the facts of one stream, from its first on: what is kept elsewhere may have been cut, mixed or made by hand. */

import { describe } from '../../actors/failure.ts';
import { FACT_VERSION, type Fact } from '../../machines/protocol/facts.ts';
import { reading } from '../door.ts';
import { IssueList, issuesToError, type Path } from '../workflow/issues.ts';
import { isTerminal } from './journal.ts';

type Given = { readonly [Key in keyof Fact]?: unknown };

const TIERS: ReadonlySet<unknown> = new Set(['tier1', 'tier2', 'tier3']);
const STARTS: ReadonlySet<unknown> = new Set(['tier1/swarm/coordination_started', 'tier2/routine/started', 'tier3/execution/started']);

/** Throws INVALID_INPUT with every problem. A stream that breaks off is one: its facts are what was committed so far. */
export function checkStream(facts: readonly Fact[]): void {
  const issues = new IssueList();
  reading('The facts', () => findIssues(facts, (path, message) => issues.add('INVALID_INPUT', path, message)));
  if (!issues.isEmpty) throw issuesToError(issues.all());
}

function findIssues(given: unknown, refuse: (path: Path, message: string) => void): void {
  if (!Array.isArray(given)) return refuse([], `Facts are a list, got ${describe(given)}`);
  if (given.length === 0) return refuse([], 'A stream without facts says nothing');
  let stream: unknown;
  let before = 0;
  for (const [index, item] of (given as readonly unknown[]).entries()) {
    if (typeof item !== 'object' || item === null) {
      refuse([index], `A fact is an object, got ${describe(item)}`);
      before += 1;
      continue;
    }
    const fact = item as Given;
    for (const { path, message } of misformed(fact)) refuse([index, ...path], message);
    stream ??= fact.stream;
    if (fact.stream !== stream)
      refuse([index, 'stream'], `It is of another stream: "${describe(fact.stream)}" and not "${describe(stream)}"`);
    if (typeof fact.seq === 'number' && fact.seq !== before + 1) refuse([index, 'seq'], outOfOrder(fact.seq, before));
    before = typeof fact.seq === 'number' ? fact.seq : before + 1;
    if (index > 0) continue;
    // What crashed before it could say that it began has only its end.
    if (!STARTS.has(fact.type) && !isTerminal(item as Fact))
      refuse([0, 'type'], `A stream begins with the start of a swarm, a run or a step, not with "${describe(fact.type)}"`);
    else if (fact.executionId !== fact.stream)
      refuse([0, 'executionId'], `A stream has the name of its root, which is "${describe(fact.executionId)}"`);
  }
}

function misformed({ seq, type, at, stream, executionId, tier, payload, v }: Given): { readonly path: Path; readonly message: string }[] {
  const found: { readonly path: Path; readonly message: string }[] = [];
  const must = (holds: boolean, key: keyof Fact, value: unknown, what: string) => {
    if (!holds) found.push({ path: [key], message: `It must be ${what}, got ${describe(value)}` });
  };
  must(Number.isInteger(seq), 'seq', seq, 'an integer');
  must(typeof type === 'string', 'type', type, 'a text');
  must(Number.isFinite(at), 'at', at, 'a number');
  must(typeof stream === 'string', 'stream', stream, 'a text');
  must(typeof executionId === 'string', 'executionId', executionId, 'a text');
  must(TIERS.has(tier), 'tier', tier, '"tier1", "tier2" or "tier3"');
  must(typeof payload === 'object' && payload !== null, 'payload', payload, 'an object');
  must(typeof v === 'number' && v <= FACT_VERSION, 'v', v, `a version up to ${FACT_VERSION}`);
  return found;
}

function outOfOrder(seq: number, before: number): string {
  if (seq <= before) return `Fact ${seq} comes after fact ${before}`;
  const missing = seq - before === 2 ? `${before + 1} is` : `${before + 1} to ${seq - 1} are`;
  return before === 0
    ? `The stream begins with fact ${seq}: ${missing} missing`
    : `Fact ${seq} comes after fact ${before}: ${missing} missing`;
}
