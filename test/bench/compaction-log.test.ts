import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { compactionsIn } from './compaction-log.ts';

test('compactions are counted in every store below the folder, and nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-compactions-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const zone of ['a', 'b']) {
    mkdirSync(join(folder, 'data', zone), { recursive: true });
    writeFileSync(
      join(folder, 'data', zone, 'LOG'),
      [
        '2026/11/21-10:00:00.1 7f Compacting 4@0 + 1@1 files',
        '2026/11/21-10:00:00.2 7f Compacted 4@0 + 1@1 files => 100 bytes',
        '2026/11/21-10:00:00.3 7f Level-0 table #7: started',
        '2026/11/21-10:00:00.4 7f Level-0 table #7: 4190 bytes OK',
      ].join('\n'),
    );
  }
  writeFileSync(join(folder, 'CATALOG'), 'Compacted 4@0');
  expect(compactionsIn(folder)).toBe(4);
});
