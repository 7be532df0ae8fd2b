import {
  EVENT_BYTES_MAX,
  type InvocationOutcome,
  type TargetInvocation,
  type TriggerTarget,
} from '../triggers/trigger-target.ts';
import { HandlerProcess, type HandlerProcessOptions } from './handler-process.ts';

/** A process that had nothing to do for so long is ended. */
const IDLE_MS_MAX = 60_000;

export interface HandlerProcessesOptions extends HandlerProcessOptions {
  /** At most so many at once; more invocations wait. */
  readonly processesMax: number;
}

interface Idle {
  readonly process: HandlerProcess;
  readonly timer: NodeJS.Timeout;
}

/** The processes of one handler file: started as they are needed, used again, and ended when one fails badly or is idle. */
export class HandlerProcesses implements TriggerTarget {
  readonly eventBytesMax = EVENT_BYTES_MAX;
  readonly #options: HandlerProcessesOptions;
  readonly #all = new Set<HandlerProcess>();
  #idle: Idle[] = [];
  #waiting: (() => void)[] = [];
  #isStopped = false;

  constructor(options: HandlerProcessesOptions) {
    this.#options = options;
  }

  async invoke(invocation: TargetInvocation): Promise<InvocationOutcome> {
    const handler = await this.#take(invocation.signal);
    if (handler === undefined) return { kind: 'unreachable', words: 'the daemon stops' };
    const outcome = await handler.invoke(invocation);
    this.#giveBack(handler);
    return outcome;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const { timer } of this.#idle) clearTimeout(timer);
    this.#idle = [];
    this.#wakeAll();
    await Promise.all([...this.#all].map(async (handler) => handler.stop()));
    this.#all.clear();
  }

  /** Undefined when it is to stop. */
  async #take(signal: AbortSignal): Promise<HandlerProcess | undefined> {
    const wake = (): void => {
      this.#wakeAll();
    };
    signal.addEventListener('abort', wake, { once: true });
    try {
      while (!this.#isStopped && !signal.aborted) {
        const idle = this.#idle.pop();
        if (idle !== undefined) {
          clearTimeout(idle.timer);
          if (idle.process.isUsable) return idle.process;
          this.#all.delete(idle.process);
          continue;
        }
        if (this.#all.size < this.#options.processesMax) return this.#start();
        await new Promise<void>((resolve) => {
          this.#waiting.push(resolve);
        });
      }
      return undefined;
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  #start(): HandlerProcess {
    const handler = new HandlerProcess(this.#options);
    this.#all.add(handler);
    return handler;
  }

  #giveBack(handler: HandlerProcess): void {
    if (!handler.isUsable || this.#isStopped) {
      this.#all.delete(handler);
      handler.kill('it is not needed any more');
    } else {
      const timer = setTimeout(() => {
        this.#endIdle(handler);
      }, IDLE_MS_MAX);
      timer.unref();
      this.#idle.push({ process: handler, timer });
    }
    this.#waiting.shift()?.();
  }

  #endIdle(handler: HandlerProcess): void {
    this.#idle = this.#idle.filter(({ process }) => process !== handler);
    this.#all.delete(handler);
    handler.kill('it is not needed any more');
  }

  #wakeAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
