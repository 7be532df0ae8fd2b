import { expect, test } from 'vitest';

import { LogRegion, LogWriter, readAll, textOf } from '../../support/log-region.ts';

test('what is appended is durable, is read, and is there after a restart', async () => {
  const region = new LogRegion();
  const logs = await region.open();
  expect(logs.available).toBe(true);
  const writers = [0, 1, 2].map((partition) => new LogWriter(logs.log(partition)));
  for (const writer of writers) {
    expect(await writer.open()).toBe('durable');
    const outcomes = Array.from({ length: 50 }, async (_, at) => writer.append(`value ${at}`));
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['durable']));
    expect(writer.log.end).toEqual(writer.end);
  }
  await logs.stop();

  const again = await region.open();
  for (const partition of [0, 1, 2]) {
    const log = again.log(partition);
    expect(log.end).toEqual(writers[partition]?.end);
    const entries = await readAll(log);
    expect(entries.map((entry) => entry.index)).toEqual(
      Array.from({ length: 51 }, (_, at) => at + 1),
    );
    expect(entries.slice(1).map(textOf)).toEqual(
      Array.from({ length: 50 }, (_, at) => `value ${at}`),
    );
  }
  await again.stop();
});
