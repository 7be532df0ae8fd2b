import { type ChildProcess, spawn } from 'node:child_process';
import { dirname } from 'node:path';

import { members, oneOf, optional, text } from '../base/shape.ts';
import type { Logger } from '../telemetry/logger.ts';
import {
  EVENT_BYTES_MAX,
  type InvocationOutcome,
  type TargetInvocation,
} from '../triggers/trigger-target.ts';
import { HandlerOutput, OUTPUT_BYTES_MAX } from './handler-output.ts';
import { HANDLER_SCRIPT } from './handler-script.ts';

/** How long a handler's module may take to load. */
const LOAD_MS_MAX = 10_000;
const MS_PER_SECOND = 1000;

export interface HandlerProcessOptions {
  readonly file: string;
  readonly region: string;
  readonly functionName: string;
  readonly functionArn: string;
  readonly memoryMb: number;
  readonly logger: Logger;
}

const messageShape = members<{
  readonly kind: 'ready' | 'unloadable' | 'result' | 'error';
  readonly requestId: string | undefined;
  readonly payload: string | undefined;
  readonly errorType: string | undefined;
  readonly errorMessage: string | undefined;
}>({
  kind: oneOf('ready', 'unloadable', 'result', 'error'),
  requestId: optional(text),
  payload: optional(text),
  errorType: optional(text),
  errorMessage: optional(text),
});

type Message = ReturnType<typeof messageShape>;

/**
 * A process that runs one handler file, for one invocation at a time. What the handler does to its process it does to nothing
 * else: one that ends, hangs, takes too much memory or writes without end costs its invocation.
 */
export class HandlerProcess {
  readonly #child: ChildProcess;
  readonly #outputs: readonly HandlerOutput[];
  readonly #ended: Promise<void>;
  /** Why it is no more, or soon will not be. */
  #end: string | undefined;
  #isReady = false;
  #listener: (message: Message | undefined) => void = () => {};

  constructor(options: HandlerProcessOptions) {
    const { file, functionName, functionArn, memoryMb } = options;
    this.#child = spawn(
      process.execPath,
      [
        `--max-old-space-size=${memoryMb}`,
        '--input-type=module',
        '--eval',
        HANDLER_SCRIPT,
        file,
        functionName,
        functionArn,
        String(memoryMb),
        String(EVENT_BYTES_MAX),
      ],
      { cwd: dirname(file), env: environmentOf(options), stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
    );
    this.#outputs = this.#follow(options.logger);
    this.#ended = new Promise((resolve) => {
      const end = (words: string): void => {
        this.#end ??= words;
        this.#listener(undefined);
        resolve();
      };
      this.#child.on('exit', (code, signal) => {
        end(`its process ended ${signal === null ? `with ${code}` : `by ${signal}`}`);
      });
      this.#child.on('error', (error) => {
        end(`its process cannot be started: ${error.message}`);
      });
    });
    this.#child.on('message', (said) => {
      this.#hear(said);
    });
  }

  #follow(logger: Logger): readonly HandlerOutput[] {
    const onFlood = (): void => {
      this.kill(`it wrote more than ${OUTPUT_BYTES_MAX} bytes of output`);
    };
    return [this.#child.stdout, this.#child.stderr].flatMap((stream) =>
      stream === null ? [] : [new HandlerOutput(stream, { logger, onFlood })],
    );
  }

  /** Whether it can take another invocation. */
  get isUsable(): boolean {
    return this.#end === undefined;
  }

  /** One at a time. Ends the process where that takes too long. Never rejects. */
  async invoke(invocation: TargetInvocation): Promise<InvocationOutcome> {
    const { requestId, event, timeoutMs, signal } = invocation;
    const cut = (): void => {
      this.kill('the daemon stops');
    };
    signal.addEventListener('abort', cut, { once: true });
    if (signal.aborted) cut();
    try {
      if (!this.#isReady) {
        const loaded = await this.#within(LOAD_MS_MAX, 'load its module');
        if (loaded?.kind !== 'ready') return this.#failure(loaded);
        this.#isReady = true;
      }
      for (const output of this.#outputs) output.begin();
      if (this.isUsable) this.#child.send({ requestId, event, timeoutMs }, () => {});
      const said = await this.#within(timeoutMs, 'answer');
      if (said?.kind !== 'result' || said.requestId !== requestId) return this.#failure(said);
      return { kind: 'answered', payload: JSON.parse(said.payload ?? 'null') as unknown };
    } finally {
      signal.removeEventListener('abort', cut);
    }
  }

  /** What it says next; undefined when it ends before, as it does when that takes too long. */
  async #within(limitMs: number, what: string): Promise<Message | undefined> {
    const timer = setTimeout(() => {
      this.kill(`it did not ${what} within ${limitMs / MS_PER_SECOND} s`);
    }, limitMs);
    const said = await new Promise<Message | undefined>((resolve) => {
      if (this.#end === undefined) this.#listener = resolve;
      else resolve(undefined);
    });
    this.#listener = () => {};
    clearTimeout(timer);
    return said;
  }

  #hear(said: unknown): void {
    try {
      this.#listener(messageShape(said, 'a message of a handler'));
    } catch {
      this.kill('it said what no handler says');
    }
  }

  #failure(said: Message | undefined): InvocationOutcome {
    const words =
      said === undefined
        ? (this.#end ?? 'it said nothing')
        : `${said.errorType ?? 'Error'}: ${said.errorMessage ?? ''}`;
    if (said?.kind === 'unloadable') this.#end ??= words;
    return { kind: 'failed', words, statusCode: 200, functionError: 'Unhandled' };
  }

  kill(words: string): void {
    this.#end ??= words;
    this.#child.kill('SIGKILL');
    this.#listener(undefined);
  }

  /** Resolves once it is no more. */
  async stop(): Promise<void> {
    this.kill('the daemon stops');
    await this.#ended;
  }
}

/** The daemon's environment without what is the daemon's own, which holds secrets, and with what Lambda sets. */
function environmentOf(options: HandlerProcessOptions): NodeJS.ProcessEnv {
  const { region, functionName, memoryMb, file } = options;
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('TIDEMARK_'));
  return {
    ...Object.fromEntries(inherited),
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_LAMBDA_FUNCTION_NAME: functionName,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    LAMBDA_TASK_ROOT: dirname(file),
  };
}
