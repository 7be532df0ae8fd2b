/**
 * What is ready at one moment for several places runs in one go of promises, within a few steps of each other. Whoever gathers it and sees so
 * many steps in which nothing comes has it all, and need not wait for a turn of the event loop, in which anything may be done.
 */
export const QUIET_STEPS = 8;

/** Resolves when `count`, of what has come, stays as it is for so many steps. Others' promises go on meanwhile, and nothing else. */
export async function untilQuiet(count: () => number): Promise<void> {
  for (let seen = -1; seen !== count();) {
    seen = count();
    for (let step = 0; step < QUIET_STEPS; step += 1) await Promise.resolve();
  }
}
