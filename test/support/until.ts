const LIMIT_MS = 30_000;
const LOOK_MS = 10;

/** What can be waited for: anything but these is the answer. */
type NotYet = undefined | false;

/**
 * Asks again and again until the answer is neither undefined nor false, and resolves with it. Rejects, naming `what` was
 * waited for and the last answer's `detail`, after `limitMs`, and with whatever `ask` rejects with.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | NotYet> | T | NotYet,
  { limitMs = LIMIT_MS, detail }: { limitMs?: number; detail?: () => unknown } = {},
): Promise<T> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadlineMs) {
      const found = detail === undefined ? '' : `: ${JSON.stringify(detail())}`;
      throw new Error(`waited ${limitMs / 1000} s for ${what}, in vain${found}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
