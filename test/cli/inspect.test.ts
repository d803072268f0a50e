/** `--inspect` and `--inspect-wait`, watched over a real WebSocket. */

import { describe, expect, it } from 'vitest';
import { Viewer } from '../inspect/viewer.ts';
import { checkWire, treeOf } from '../inspect/wire.ts';
import { CONFIG, type FakeTerminal, GREETING, oneStep, Workspace } from './terminal-for-test.ts';

async function addressIn({ err }: FakeTerminal): Promise<string> {
  await err.saw('inspect: http');
  return /inspect: http(\S+)/.exec(err.text)?.[1] ?? '';
}

describe('swarmchart run --inspect', () => {
  it('says on stderr where to look, shows who comes late what is live, and ends when the run ends', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('hang'), 'swarmchart.config.mjs': CONFIG });
    const { terminal, exitCode } = folder.start('run', 'w.yaml', '--inspect', '--json');
    const viewer = new Viewer(`ws${await addressIn(terminal)}`);
    await viewer.saw((message) => message.type === '@xstate.actor' && message.name === 'breaker/tool/hang');
    terminal.signal('SIGINT');
    expect(await exitCode).toBe(130);
    expect(await viewer.closed).toBe(1000);
    expect(JSON.parse(terminal.out.text)).toMatchObject({ status: 'cancelled' });
    checkWire(viewer.messages);
    const executionId = (JSON.parse(terminal.out.text) as { readonly executionId: string }).executionId;
    expect(treeOf(viewer.messages)).toContain(`runtime > children > executions > ${executionId} > nursery > only > attempt`);
    expect(viewer.messages).toContainEqual(
      expect.objectContaining({ type: '@xstate.snapshot', snapshot: expect.objectContaining({ status: 'done', value: 'cancelled' }) }),
    );
  });

  it('does not wait: a run that nobody watches ends as ever, and says how to wait', async () => {
    using folder = new Workspace({ 'w.yaml': GREETING });
    const { exitCode, stdout, stderr } = await folder.run('run', 'w.yaml', '--input', 'name=Ada', '--inspect');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Good morning, Ada!');
    expect(stderr).toContain('--inspect-wait');
  });

  it('offers nothing to look at when nothing is run', async () => {
    using folder = new Workspace({ 'w.yaml': oneStep('missing') });
    const { exitCode, stderr } = await folder.run('run', 'w.yaml', '--inspect-wait');
    expect(exitCode).toBe(2);
    expect(stderr).not.toContain('inspect: ');
  });
});

describe('swarmchart run --inspect-wait', () => {
  it('starts the run once somebody watches, who then sees all of it', async () => {
    using folder = new Workspace({ 'w.yaml': GREETING });
    const { terminal, exitCode } = folder.start('run', 'w.yaml', '--input', 'name=Ada', '--inspect-wait', '--jsonl');
    const address = await addressIn(terminal);
    await terminal.err.saw('waiting');
    expect(terminal.out.text).toBe('');
    const viewer = new Viewer(`ws${address}`);
    expect(await exitCode).toBe(0);
    await viewer.closed;
    const names = viewer.messages.flatMap((message) => (message.type === '@xstate.actor' ? [message.name] : []));
    expect(names).toEqual(expect.arrayContaining(['runtime', 'nursery', 'greet', 'again', 'breaker/tool/echo']));
    expect(terminal.err.text).not.toContain('nobody');
    checkWire(viewer.messages);
  });

  it.each([
    ['--json', 1],
    ['--jsonl', 1],
    ['--verbose', 0],
  ])('gives up on a signal: nothing was run (%s)', async (format, documents) => {
    using folder = new Workspace({ 'w.yaml': GREETING });
    const { terminal, exitCode } = folder.start('run', 'w.yaml', '--input', 'name=Ada', '--inspect-wait', format);
    await terminal.err.saw('waiting');
    terminal.signal('SIGTERM');
    expect(await exitCode).toBe(143);
    expect(terminal.err.text).toContain('nothing was run');
    const lines = terminal.out.text.split('\n').filter((line) => line !== '');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject(
      Array.from({ length: documents }, () => ({ status: 'refused', error: { code: 'CANCELLED' } })),
    );
  });
});
