/** The programs on the pages in docs/ are these files, word for word; they print what the pages say. */

import { format } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { readProjectFile } from '../house/project.ts';
import { blocksOf } from './pages.ts';

const PROGRAMS = {
  'docs/workflows.md': {
    'run-workflow': () => import('./programs/run-workflow.ts'),
    'wait-for-people': () => import('./programs/wait-for-people.ts'),
  },
  'docs/dialects.md': { 'use-template': () => import('./programs/use-template.ts') },
  'docs/swarms.md': {
    'plan-goals': () => import('./programs/plan-goals.ts'),
    'control-swarm': () => import('./programs/control-swarm.ts'),
    'restore-swarm': () => import('./programs/restore-swarm.ts'),
  },
  'docs/agents.md': {
    'keep-agents': () => import('./programs/keep-agents.ts'),
    'lose-an-agent': () => import('./programs/lose-an-agent.ts'),
  },
  'docs/errors.md': { 'read-errors': () => import('./programs/read-errors.ts') },
  'docs/breakers.md': {
    'guard-a-service': () => import('./programs/guard-a-service.ts'),
    'pause-the-system': () => import('./programs/pause-the-system.ts'),
  },
  'docs/durability.md': {
    'survive-a-restart': () => import('./programs/survive-a-restart.ts'),
    'read-a-journal': () => import('./programs/read-a-journal.ts'),
  },
  'docs/replay-and-rerun.md': {
    'replay-a-run': () => import('./programs/replay-a-run.ts'),
    'rerun-a-run': () => import('./programs/rerun-a-run.ts'),
  },
  'docs/secrets.md': { 'use-secrets': () => import('./programs/use-secrets.ts') },
  'docs/events.md': {
    'hear-events': () => import('./programs/hear-events.ts'),
    'route-and-trigger': () => import('./programs/route-and-trigger.ts'),
  },
  'docs/people.md': { 'decide-together': () => import('./programs/decide-together.ts') },
  'docs/supervision.md': { supervise: () => import('./programs/supervise.ts') },
  'docs/testing.md': {
    'test-a-chart': () => import('./programs/test-a-chart.ts'),
    'find-a-problem': () => import('./programs/find-a-problem.ts'),
    'test-a-workflow': () => import('./programs/test-a-workflow.ts'),
    'ask-a-model': () => import('./programs/ask-a-model.ts'),
    'simulate-a-workflow': () => import('./programs/simulate-a-workflow.ts'),
    'crash-a-process': () => import('./programs/crash-a-process.ts'),
  },
} as const satisfies Record<string, Record<string, () => Promise<unknown>>>;

async function printedBy(program: () => Promise<unknown>): Promise<string> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  await program();
  const lines = log.mock.calls.map((call) => format(...call).trimEnd());
  log.mockRestore();
  return lines.join('\n');
}

describe.each(Object.entries(PROGRAMS))('%s', (page, programs) => {
  const shown = blocksOf(page).filter(({ language }) => language === 'ts');

  it('shows these programs and no others', () => {
    const files = Object.keys(programs).map((name) => readProjectFile(`test/docs/programs/${name}.ts`));
    expect(shown.map(({ text }) => text)).toEqual(files);
  });

  it.each(Object.entries(programs))('shows what %s prints', async (name, program) => {
    const block = shown.find(({ text }) => text === readProjectFile(`test/docs/programs/${name}.ts`));
    expect(await printedBy(program)).toBe(block?.outcome);
  });
});
