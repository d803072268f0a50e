import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime, exportStreams, readJournal, sqlite, verifyExport } from 'swarmchart';

const path = join(await mkdtemp(join(tmpdir(), 'journal-')), 'runs.db');
await using runtime = await createRuntime({ journal: sqlite(path, { keepSettled: { maxStreams: 1_000 } }) });
await runtime.run({ id: 'hello', steps: [{ id: 'say', tool: 'echo' }] }, { context: { executionId: 'hello-1' } }).result();

const reader = await readJournal(path); // beside the writer: it changes nothing
for await (const { name, status, seq } of reader.streams()) console.log(name, status, seq);
for await (const { stream, facts, problem } of reader.verify()) console.log(stream, facts, problem ?? 'as it was written');
console.log('pages with problems:', reader.verifyPages().length);

const lines: string[] = [];
for await (const line of exportStreams(reader, { streams: ['hello-1'] })) lines.push(line);
for await (const { stream, facts, problem } of verifyExport(lines)) console.log(stream, facts, problem ?? 'as it was exported');
await reader.close();
