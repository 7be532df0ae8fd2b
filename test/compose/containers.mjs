/**
 * Runs the tests that need a container engine, `test/compose/containers.ts`, where one answers; elsewhere says so in one
 * line and exits with 0. Takes no options.
 */
import { fileURLToPath } from 'node:url';

import { getContainerRuntimeClient } from 'testcontainers';
import { startVitest } from 'vitest/node';

/** Builds an image and pulls four others, on a machine that may have none. */
const START_MS_MAX = 20 * 60_000;

/** Why no engine answers; undefined when one does. */
async function missing() {
  try {
    await getContainerRuntimeClient();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const why = await missing();
if (why === undefined) {
  const vitest = await startVitest('test', [], {
    config: false,
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/compose/containers.ts'],
    testTimeout: START_MS_MAX,
    hookTimeout: START_MS_MAX,
    watch: false,
  });
  await vitest.close();
} else {
  process.stderr.write(`No container engine answers (${why}): compose.yaml was not run.\n`);
}
