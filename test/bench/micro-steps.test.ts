import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { openMicroSteps } from './micro-steps.ts';

test('every step can be done again and again, on a log and a store of its own', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-micro-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { steps, close } = await openMicroSteps(folder);
  for (const { run, count } of steps) {
    expect(count).toBeGreaterThan(0);
    await run();
    await run();
  }
  await close();
});
