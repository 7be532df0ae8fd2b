import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';

import type { LoopDelay, ProbeOrder, ProbeReply } from './probe-script.ts';

/** What a daemon imports before anything of its own. */
export const PROBE_URL = new URL(`./probe-script${extname(import.meta.url)}`, import.meta.url).href;

/** Looks into a daemon of Node from outside: it was started with `PROBE_URL` and a channel. */
export class DaemonProbe {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Resets what it tells. */
  async loopDelay(): Promise<LoopDelay> {
    const reply = await this.#ask({ kind: 'loop' });
    if (reply.kind !== 'loop') throw new Error('the probe does not tell of the event loop');
    return reply.delay;
  }

  async startProfile(): Promise<void> {
    await this.#ask({ kind: 'startProfile' });
  }

  /** Ends the profile, and leaves it there as a `.cpuprofile`. */
  async writeProfile(file: string): Promise<void> {
    await this.#ask({ kind: 'writeProfile', file });
  }

  async #ask(order: ProbeOrder): Promise<ProbeReply> {
    if (!this.#child.connected) throw new Error('the daemon has ended');
    const ended = new AbortController();
    const exit = once(this.#child, 'exit', { signal: ended.signal }).then(() => {
      throw new Error('the daemon has ended');
    });
    exit.catch(() => {});
    const answer = once(this.#child, 'message', { signal: ended.signal });
    answer.catch(() => {});
    this.#child.send(order);
    try {
      const [message]: unknown[] = await Promise.race([answer, exit]);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the other side is the probe's script
      const reply = message as ProbeReply;
      if (reply.kind === 'failed') throw new Error(reply.reason);
      return reply;
    } finally {
      ended.abort();
    }
  }
}
