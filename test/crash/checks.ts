/** What must be true after every crash, and after the last one. Each check returns what is wrong. */

import type { Fact } from '../../src/index.ts';
import { isTerminal } from '../../src/runtime/journal/journal.ts';
import { violations } from '../../src/testing/testing.ts';
import type { Line } from './ledger.ts';
import type { Stored } from './stored.ts';

type Streams = Stored['streams'];
type Payload = { readonly [key: string]: unknown };
const payloadOf = (fact: Fact): Payload => fact.payload as Payload;
const factsOf = (streams: Streams): readonly Fact[] => [...streams.values()].flat();
const endsIn = (streams: Streams): Map<string, Fact> =>
  new Map(factsOf(streams).flatMap((fact) => (isTerminal(fact) ? [[fact.executionId, fact]] : [])));

/** Nothing that was committed before a crash is gone after it, or has become something else. */
export function lostSince(before: Streams, after: Streams): string[] {
  return [...before].flatMap(([stream, facts]) => {
    const now = after.get(stream) ?? [];
    const lost = facts.findIndex((fact, index) => JSON.stringify(fact) !== JSON.stringify(now[index]));
    return lost < 0 ? [] : [`fact ${lost + 1} of ${stream}, which was in the journal before, is gone or another one`];
  });
}

/** Whatever somebody was told is in the journal. */
export function lostAcknowledged(ledger: readonly Line[], streams: Streams): string[] {
  const ends = endsIn(streams);
  return ledger.flatMap((line) => {
    if (line.what === 'committed') {
      const seq = streams.get(line.stream)?.length ?? 0;
      return line.stream.includes('/') || seq >= line.seq
        ? []
        : [`${line.stream} was acknowledged up to ${line.seq}, and the journal has ${seq} facts`];
    }
    if (line.what === 'accepted') {
      const isTold = streams.get(line.execution)?.some(({ type }) => type.startsWith(line.fact)) === true;
      return isTold ? [] : [`${line.execution} was told that "${line.fact}" is accepted, and no fact says so`];
    }
    if (line.what !== 'result') return [];
    const end = ends.get(line.execution);
    if (!end?.type.endsWith(line.status)) return [`${line.execution} was told to be ${line.status}, and its last fact is ${end?.type}`];
    const { result = null, output = result } = payloadOf(end);
    return JSON.stringify(output) === JSON.stringify(line.result) ? [] : [`${line.execution} had another result than its last fact says`];
  });
}

/** After the end of a step is committed nothing of it happens again. `before`: what is in the journal when a life begins, by life. */
export function repeatedEffects(ledger: readonly Line[], before: readonly ReadonlySet<string>[]): string[] {
  let life = -1;
  const ended = new Set<string>();
  return ledger.flatMap((line) => {
    if (line.what === 'born') for (const executionId of before[++life] ?? []) ended.add(executionId);
    if (line.what === 'committed') for (const executionId of line.ended) ended.add(executionId);
    return line.what === 'effect' && ended.has(line.execution)
      ? [`life ${life + 1}: ${line.execution} acted after its end was committed`]
      : [];
  });
}

export const endedIn = (streams: Streams): ReadonlySet<string> => new Set(endsIn(streams).keys());

/** Each effect has one key in all of its attempts, the one that the journal knows, and attempts are counted on. */
export function wrongKeys(ledger: readonly Line[], streams: Streams): string[] {
  const started = new Map(
    factsOf(streams).flatMap((fact) =>
      fact.type === 'tier3/execution/started' ? [[fact.executionId, payloadOf(fact)['idempotencyKey']]] : [],
    ),
  );
  const attempts = new Map<string, number>();
  return ledger.flatMap((line) => {
    if (line.what !== 'effect') return [];
    const { key, execution, step, attempt } = line;
    const before = attempts.get(key) ?? 0;
    attempts.set(key, attempt);
    return [
      ...(started.get(execution) === key
        ? []
        : [`${execution} acted with the key ${key}, the journal says ${String(started.get(execution))}`]),
      ...(/\/(\d+|undo)$/.test(key) && key.includes(`/${step}/`) ? [] : [`${key} does not name the step and the iteration`]),
      ...(attempt >= before ? [] : [`${execution} acted in attempt ${attempt} after attempt ${before}`]),
    ];
  });
}

const creditsOf = (fact: Fact | undefined): bigint =>
  BigInt((payloadOf(fact as Fact)['usage'] as { readonly creditsUsed?: string } | undefined)?.creditsUsed ?? 0);

/** Everything has ended as it does when nobody disturbs it, and has cost the same, but for attempts that a crash has interrupted. */
export function differences(streams: Streams, undisturbed: Streams): string[] {
  const [ends, expected] = [endsIn(streams), endsIn(undisturbed)];
  const interrupted = new Map<string, bigint>();
  for (const fact of factsOf(streams)) {
    if (fact.type !== 'tier3/attempt/interrupted') continue;
    const { credits = '0' } = payloadOf(fact)['usage'] as { readonly credits?: string };
    for (let id = fact.executionId; id !== ''; id = id.slice(0, Math.max(0, id.lastIndexOf('/'))))
      interrupted.set(id, (interrupted.get(id) ?? 0n) + BigInt(credits));
  }
  const missing = [...expected.keys()].filter((id) => !ends.has(id)).map((id) => `${id} has not ended`);
  const more = [...ends].flatMap(([id, end]) => {
    const wanted = expected.get(id);
    if (!wanted) return [`${id} is there, and is not when nobody disturbs it`];
    const { result, output, reason } = payloadOf(end);
    const { result: wantedResult, output: wantedOutput, reason: wantedReason } = payloadOf(wanted);
    const isEqual =
      JSON.stringify([end.type, result, output, reason]) === JSON.stringify([wanted.type, wantedResult, wantedOutput, wantedReason]);
    const credits = creditsOf(wanted) + (interrupted.get(id) ?? 0n);
    return [
      ...(isEqual ? [] : [`${id} ended with ${end.type} ${JSON.stringify(output ?? result ?? reason)}, undisturbed with ${wanted.type}`]),
      ...(creditsOf(end) === credits ? [] : [`${id} has cost ${creditsOf(end)}, and should have cost ${credits}`]),
    ];
  });
  return [...missing, ...more];
}

/** A commit without its effect, and whatever must hold of any stream. */
export function brokenStreams(ledger: readonly Line[], streams: Streams): string[] {
  const acted = new Set(ledger.flatMap((line) => (line.what === 'effect' ? [line.execution] : [])));
  const waits = new Set(factsOf(streams).flatMap(({ type, executionId }) => (type === 'tier3/wait/started' ? [executionId] : [])));
  const withoutEffect = [...endsIn(streams)].filter(
    ([id, { type }]) => type === 'tier3/execution/completed' && !acted.has(id) && !waits.has(id),
  );
  return [
    ...withoutEffect.map(([id]) => `${id} has completed and never acted`),
    ...[...streams].flatMap(([stream, facts]) => violations(facts).map((violation) => `${stream}: ${violation}`)),
  ];
}
