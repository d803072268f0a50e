import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess, streamProcess, streamRecords } from 'swarmchart';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { collectAll } from '../support/collect-all.ts';

const node = (script: string): string[] => [process.execPath, '-e', script];
const sh = (script: string, ...args: string[]): string[] => ['sh', '-c', script, 'sh', ...args];

/** False for a zombie too: where nobody reaps orphans, the dead stay listed. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat[stat.lastIndexOf(')') + 2] !== 'Z';
}
const eventuallyGone = (pid: number): Promise<void> => vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 5_000, interval: 10 });

describe('runProcess', () => {
  it('returns what the program wrote and how it ended', async () => {
    expect(await runProcess(sh('echo out; echo err >&2'))).toEqual({ exitCode: 0, stdout: 'out\n', stderr: 'err' });
  });

  it('passes arguments as they are, without a shell', async () => {
    const odd = ['$HOME', 'a b', '"', "'", '; echo no', '*', '\n', ''];
    const { stdout } = await runProcess([...node('console.log(JSON.stringify(process.argv.slice(1)))'), '--', ...odd]);
    expect(JSON.parse(stdout)).toEqual(odd);
  });

  it('decodes characters that are split between chunks', async () => {
    const { stdout } = await runProcess(
      node("const b = Buffer.from('é'); process.stdout.write(b.subarray(0, 1), () => process.stdout.write(b.subarray(1)))"),
    );
    expect(stdout).toBe('é');
  });

  it('names the command, the exit code and the end of stderr when the program fails', async () => {
    await expect(runProcess(sh('echo "no such thing" >&2; exit 3'))).rejects.toMatchObject({
      name: 'SwarmchartError',
      code: 'PROCESS_FAILED',
      message: expect.stringMatching(/sh -c.*exit code 3: no such thing/s),
      context: { exitCode: 3, signal: null, stderr: 'no such thing' },
    });
  });

  it('names the signal that ended the program', async () => {
    await expect(runProcess(sh('kill -SEGV $$'))).rejects.toMatchObject({
      code: 'PROCESS_FAILED',
      context: { exitCode: null, signal: 'SIGSEGV' },
    });
  });

  it('accepts other exit codes where told to', async () => {
    expect(await runProcess(sh('exit 1'), { acceptExitCodes: [0, 1] })).toMatchObject({ exitCode: 1 });
  });

  it('keeps only the end of a long stderr', async () => {
    const { stderr } = await runProcess(node("process.stderr.write('x'.repeat(1e6) + 'the end')"), { maxStderrBytes: 100 });
    expect(stderr).toHaveLength(100);
    expect(stderr).toMatch(/x+the end$/);
  });

  it('says that a program is not there', async () => {
    await expect(runProcess(['no-such-program-here'])).rejects.toMatchObject({
      code: 'PROCESS_NOT_FOUND',
      message: expect.stringContaining('no-such-program-here'),
    });
  });

  it('says that the folder is not there, not the program', async () => {
    await expect(runProcess(sh('true'), { cwd: '/no/such/folder' })).rejects.toMatchObject({
      code: 'PROCESS_FAILED',
      message: expect.stringContaining('/no/such/folder'),
    });
  });

  it.each([[['']], [[]], [['sh', 'a\0b']]])('refuses the impossible command %j with a typed error', async (argv) => {
    await expect(runProcess(argv)).rejects.toMatchObject({ name: 'SwarmchartError' });
  });

  it('closes stdin', async () => {
    expect(await runProcess(sh('cat; echo done'))).toMatchObject({ stdout: 'done\n' });
  });

  it('withholds the environment except for what is named', async () => {
    vi.stubEnv('SECRET_TOKEN', 'secret');
    vi.stubEnv('SHARED', 'shared');
    const show = sh('echo "$SECRET_TOKEN|$SHARED|$GIVEN"');
    expect((await runProcess(show)).stdout).toBe('||\n');
    expect((await runProcess(show, { inheritEnv: ['PATH', 'SHARED'], env: { GIVEN: 'given' } })).stdout).toBe('|shared|given\n');
    vi.unstubAllEnvs();
  });
});

describe('the end of a process', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'swarmchart-process-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('does not start when the signal is already aborted', async () => {
    const marker = join(folder, 'marker');
    await expect(runProcess(sh('touch "$1"', marker), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(() => readFileSync(marker)).toThrow('ENOENT');
  });

  it('ends the whole group when aborted, grandchildren included', async () => {
    const abort = new AbortController();
    const pids: number[] = [];
    const reading = (async () => {
      for await (const line of streamRecords(sh('sleep 600 & echo $!; echo $$; wait'), { signal: abort.signal })) {
        pids.push(Number(line));
        if (pids.length === 2) abort.abort(new Error('enough'));
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'CANCELLED', cause: { message: 'enough' } });
    expect(isAlive(pids[1] as number)).toBe(false);
    await eventuallyGone(pids[0] as number);
  });

  it('kills a group that ignores SIGTERM after the grace period', async () => {
    const abort = new AbortController();
    const script = "process.on('SIGTERM', () => console.log('no')); console.log(process.pid); setInterval(() => undefined, 1000)";
    const lines: string[] = [];
    const reading = (async () => {
      for await (const line of streamRecords(node(script), { signal: abort.signal, graceMs: 50 })) {
        lines.push(line);
        abort.abort();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(isAlive(Number(lines[0]))).toBe(false);
  });

  it('lets a process clean up on SIGTERM before it settles', async () => {
    const marker = join(folder, 'cleaned');
    const script = `process.on('SIGTERM', () => setTimeout(() => { require('fs').writeFileSync(process.argv[1], 'yes'); process.exit(0); }, 20)); console.log('up'); setInterval(() => undefined, 1000)`;
    const abort = new AbortController();
    const reading = (async () => {
      for await (const _ of streamRecords([...node(script), marker], { signal: abort.signal })) abort.abort();
    })();
    await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(readFileSync(marker, 'utf8')).toBe('yes');
  });

  it('ends a process at its timeout', async () => {
    await expect(runProcess(sh('sleep 600'), { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'STEP_TIMEOUT',
      message: expect.stringContaining('30 ms'),
    });
  });

  it('ends a process that writes too much', async () => {
    await expect(runProcess(['yes'], { maxOutputBytes: 100_000 })).rejects.toMatchObject({
      code: 'OUTPUT_TOO_LARGE',
      message: expect.stringContaining('100000 bytes'),
    });
  });

  it('does not wait for a grandchild that holds the output open', async () => {
    const { stdout } = await runProcess(sh('sleep 600 & echo $!'));
    await eventuallyGone(Number(stdout));
  });

  it('gives up on a grandchild that left the group, after the grace period', async () => {
    const script =
      "const c = require('child_process').spawn('sleep', ['600'], { detached: true, stdio: 'inherit' }); c.unref(); console.log(c.pid)";
    const { stdout } = await runProcess(node(script), { graceMs: 50 });
    expect(isAlive(Number(stdout))).toBe(true);
    process.kill(Number(stdout), 'SIGKILL');
  });

  it('waits for a process that closed its output early', async () => {
    const marker = join(folder, 'late');
    await runProcess(sh('exec >&- 2>&-; sleep 0.05; touch "$1"', marker));
    expect(readFileSync(marker, 'utf8')).toBe('');
  });

  it('ends with the process that started it', async () => {
    const source = new URL('../../src/tools/process.ts', import.meta.url).href;
    const script = `const { streamRecords } = await import('${source}'); for await (const pid of streamRecords(['sh', '-c', 'echo $$; exec sleep 600'])) { console.log(pid); process.exit(0); }`;
    const { stdout } = await runProcess([process.execPath, '--input-type=module', '-e', script]);
    await eventuallyGone(Number(stdout));
  });

  it('leaves no timer and no listener behind', async () => {
    const abort = new AbortController();
    const removed = vi.spyOn(abort.signal, 'removeEventListener');
    const started = vi.spyOn(globalThis, 'setTimeout');
    const cleared = vi.spyOn(globalThis, 'clearTimeout');
    const exitListeners = process.listenerCount('exit');
    await runProcess(sh('true'), { signal: abort.signal, timeoutMs: 60_000 });
    expect(process.listenerCount('exit')).toBe(exitListeners);
    const left = new Set(started.mock.results.map((result) => result.value));
    expect(left.size).toBeGreaterThan(0);
    for (const [timer] of cleared.mock.calls) left.delete(timer as NodeJS.Timeout);
    expect(left.size).toBe(0);
    expect(removed).toHaveBeenCalledOnce();
    vi.restoreAllMocks();
  });
});

describe('streaming', () => {
  it('yields lines, with or without a last separator', async () => {
    expect(await collectAll(streamRecords(sh("printf 'a\\n\\nb'")))).toEqual(['a', '', 'b']);
    expect(await collectAll(streamRecords(sh("printf 'a\\nb\\n'")))).toEqual(['a', 'b']);
    expect(await collectAll(streamRecords(sh('true')))).toEqual([]);
  });

  it('yields records that end with NUL', async () => {
    expect(await collectAll(streamRecords(sh("printf 'a\\nb\\0é\\0'"), { separator: '\0' }))).toEqual(['a\nb', 'é']);
  });

  it('puts records together that span many chunks', async () => {
    const script = "for (let i = 0; i < 5; i++) process.stdout.write('é'.repeat(100_000) + i + '\\n')";
    const records = await collectAll(streamRecords(node(script)));
    expect(records.map((record) => [record.length, record.at(-1)])).toEqual([0, 1, 2, 3, 4].map((i) => [100_001, String(i)]));
  });

  it('refuses a record without end', async () => {
    const endless = streamRecords(sh("yes x | tr -d '\\n'"), { maxRecordBytes: 200_000 });
    await expect(collectAll(endless)).rejects.toMatchObject({ code: 'OUTPUT_TOO_LARGE' });
  });

  it('throws a failure after the records that came before it', async () => {
    const seen: string[] = [];
    const reading = (async () => {
      for await (const line of streamRecords(sh('echo first; exit 1'))) seen.push(line);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'PROCESS_FAILED' });
    expect(seen).toEqual(['first']);
  });

  it('ends the process when the consumer leaves early or throws', async () => {
    const pids: number[] = [];
    const endless = sh('echo $$; exec yes');
    for await (const line of streamRecords(endless)) {
      pids.push(Number(line));
      break;
    }
    const throwing = (async () => {
      for await (const line of streamRecords(endless)) {
        pids.push(Number(line));
        throw new Error('mine');
      }
    })();
    await expect(throwing).rejects.toThrow('mine');
    expect(pids.map(isAlive)).toEqual([false, false]);
  });

  it('slows a program down to the pace of its consumer', async () => {
    const script =
      "let n = 0; const more = () => { n += 65536; require('fs').writeFileSync(process.argv[1], String(n)); process.stdout.write(Buffer.alloc(65536), more); }; more()";
    const folder = await mkdtemp(join(tmpdir(), 'swarmchart-pace-'));
    const progress = join(folder, 'written');
    const output = streamProcess([...node(script), progress], { maxOutputBytes: Number.POSITIVE_INFINITY });
    await output.next();
    let last = '';
    await vi.waitFor(
      () => {
        const now = readFileSync(progress, 'utf8');
        const isStill = now !== '' && now === last;
        last = now;
        expect(isStill).toBe(true);
      },
      { interval: 100, timeout: 5_000 },
    );
    expect(Number(last)).toBeLessThan(2_000_000);
    await output.return({ exitCode: 0, stderr: '' });
    await rm(folder, { recursive: true });
  });

  it('hands a slow consumer everything that was written before the exit', async () => {
    const output = streamProcess(sh('echo $$; head -c 60000 /dev/zero'), { graceMs: 1 });
    const first = await output.next();
    const start = first.done ? Buffer.alloc(0) : first.value;
    await eventuallyGone(Number(start.toString('utf8', 0, start.indexOf('\n'))));
    let bytes = start.length - start.indexOf('\n') - 1;
    for await (const chunk of output) bytes += chunk.length;
    expect(bytes).toBe(60_000);
  });
});
