import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

import { poll } from './poll.ts';
import type { ProcessGuard } from './process-guard.ts';

/** How much of what a process wrote last is kept to be told when it ends. */
const LAST_LINES_MAX = 12;
const LINE_CHARACTERS_MAX = 2000;
const READY_LOOK_MS = 50;

export interface ChildOptions {
  /** What it is, in words: `nats-server of us-east-1`. */
  readonly name: string;
  readonly program: string;
  readonly parameters: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly guard: ProcessGuard;
  /** Each whole line that it writes. */
  readonly onLine: (line: string, stream: 'output' | 'errors') => void;
  /** It ended by itself. */
  readonly onEnd: (end: ChildEnd) => void;
}

/** How a process ended, and what it wrote last. */
export interface ChildEnd {
  /** Undefined when a signal ended it, or when it could not be started. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly lastLines: readonly string[];
}

/** A process did not become ready, or ended on the way; the message has its last lines. */
export class ChildFailedError extends Error {
  readonly code = 'child-failed';

  constructor(message: string, lastLines: readonly string[]) {
    super([message, ...lastLines.map((line) => `  ${line}`)].join('\n'));
    this.name = 'ChildFailedError';
  }
}

/**
 * A process that this one runs: started, watched and stopped, and not started again by itself. It is in a session of
 * its own, so that Ctrl-C in a terminal reaches only who stops it in order.
 */
export class ChildService {
  readonly name: string;
  readonly #options: ChildOptions;
  #child: ChildProcess | undefined;
  #end: ChildEnd | undefined;
  #ended: Promise<void> = Promise.resolve();
  #lastLines: string[] = [];
  #lastErrors: string[] = [];
  #stopping = false;

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.isAlive ? this.#child?.pid : undefined;
  }

  get isAlive(): boolean {
    return this.#child !== undefined && this.#end === undefined;
  }

  /** How it ended; undefined while it runs, and before its first start. */
  get end(): ChildEnd | undefined {
    return this.#end;
  }

  /** Starts it unless it runs. Says nothing of its success: `untilReady` does. */
  start(): void {
    if (this.isAlive) return;
    const { program, parameters, environment, guard } = this.#options;
    this.#end = undefined;
    this.#lastLines = [];
    this.#lastErrors = [];
    this.#stopping = false;
    const child = spawn(program, parameters, {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#child = child;
    const { pid } = child;
    if (pid !== undefined) guard.watch(pid);
    createInterface({ input: child.stdout }).on('line', (line) => this.#heard(line, 'output'));
    createInterface({ input: child.stderr }).on('line', (line) => this.#heard(line, 'errors'));
    this.#ended = new Promise((resolve) => {
      child.once('error', (error) => {
        if (pid === undefined) this.#lastErrors.push(error.message);
      });
      child.once('exit', () => {
        if (pid !== undefined) guard.forget(pid);
      });
      // After the last line; a grandchild that keeps the pipes must not keep us.
      child.once('close', (code, signal) => {
        this.#close(pid === undefined ? undefined : (code ?? undefined), signal ?? undefined);
        resolve();
      });
    });
  }

  /** Waits until `ask` says so. Rejects with `ChildFailedError` when it ends before, or takes longer than `limitMs`. */
  async untilReady(ask: () => Promise<boolean>, limitMs: number): Promise<void> {
    const waited = poll(
      this.name,
      { limitMs, everyMs: READY_LOOK_MS },
      async () => !this.isAlive || (await ask()),
    );
    await waited.catch(() => {
      const message = `${this.name} was not ready within ${limitMs / 1000} s; it wrote last:`;
      throw new ChildFailedError(message, this.#last());
    });
    if (this.isAlive) return;
    throw new ChildFailedError(`${this.name} ${endText(this.#end)}; it wrote last:`, this.#last());
  }

  /** Asks it to end, ends it after `limitMs`, and resolves once it has ended. Never rejects. */
  async stop(limitMs: number): Promise<void> {
    if (!this.isAlive) return;
    this.#stopping = true;
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.kill(), limitMs);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Ends it at once; `ended` tells when it has. */
  kill(): void {
    this.#stopping = true;
    this.signal('SIGKILL');
  }

  /** No effect on what does not run. */
  signal(signal: NodeJS.Signals): void {
    if (this.isAlive) this.#child?.kill(signal);
  }

  /** Resolves once it does not run. */
  async ended(): Promise<void> {
    await this.#ended;
  }

  #heard(line: string, stream: 'output' | 'errors'): void {
    const text = line.slice(0, LINE_CHARACTERS_MAX);
    const last = stream === 'errors' ? this.#lastErrors : this.#lastLines;
    last.push(text);
    if (last.length > LAST_LINES_MAX) last.shift();
    this.#options.onLine(text, stream);
  }

  /** Its errors; where there were none, its output. */
  #last(): readonly string[] {
    return [...(this.#lastErrors.length > 0 ? this.#lastErrors : this.#lastLines)];
  }

  #close(exitCode: number | undefined, signal: string | undefined): void {
    this.#end = { exitCode, signal, lastLines: this.#last() };
    if (!this.#stopping) this.#options.onEnd(this.#end);
  }
}

/** `ended with exit code 1`. */
export function endText(end: ChildEnd | undefined): string {
  if (end?.signal !== undefined) return `was ended by ${end.signal}`;
  if (end?.exitCode !== undefined) return `ended with exit code ${end.exitCode}`;
  return 'could not be started';
}
