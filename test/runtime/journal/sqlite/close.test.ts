import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sqlite } from '../../../../src/runtime/journal/sqlite/sqlite.ts';

describe('a journal in a file that is closed', () => {
  it.each(['power', 'process'] as const)('by several at once is free when it has closed for any of them (%s)', async (durability) => {
    const folder = mkdtempSync(join(tmpdir(), 'swarmchart-close-'));
    try {
      const path = join(folder, 'runs.db');
      const first = sqlite(path, { durability });
      await first.open();
      expect(existsSync(`${path}.holder`)).toBe(true);
      const closing = first.close();
      await first.close();
      expect(existsSync(`${path}.holder`)).toBe(false);
      const second = sqlite(path, { durability });
      await second.open();
      await closing;
      await second.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
