import type { Logger as Pino } from 'pino';
import { destination, pino, stdSerializers, stdTimeFunctions } from 'pino';
import pretty from 'pino-pretty';

import type { LogFields, Logger, LogLevel } from './logger.ts';

export interface PinoLoggerOptions {
  readonly level: LogLevel;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
  /** Where lines go; standard error when undefined, so that standard output stays a command's own. */
  readonly output?: LogOutput;
}

/** Takes one line, or a part of one, at a time. */
export interface LogOutput {
  write(text: string): unknown;
}

const STANDARD_ERROR = 2;

/** A logger that writes synchronously, so that the last line before a crash is there. */
export function createPinoLogger(options: PinoLoggerOptions): Logger {
  const { level, output } = options;
  const sink = output ?? destination({ dest: STANDARD_ERROR, sync: true });
  const settings = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: stdSerializers.errWithCause },
  };
  return new PinoLogger(pino(settings, options.pretty ? prettyInto(sink) : sink));
}

/** Formats in this thread, line by line: a worker would lose lines at exit. */
function prettyInto(sink: LogOutput): LogOutput {
  const format = pretty.prettyFactory({
    colorize: pretty.isColorSupported,
    errorLikeObjectKeys: ['error'],
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return { write: (line) => sink.write(format(line)) };
}

class PinoLogger implements Logger {
  readonly #pino: Pino;

  constructor(logger: Pino) {
    this.#pino = logger;
  }

  debug(fields: LogFields, message: string): void {
    this.#pino.debug(fields, message);
  }

  info(fields: LogFields, message: string): void {
    this.#pino.info(fields, message);
  }

  warn(fields: LogFields, message: string): void {
    this.#pino.warn(fields, message);
  }

  error(fields: LogFields, message: string): void {
    this.#pino.error(fields, message);
  }

  child(fields: LogFields): Logger {
    return new PinoLogger(this.#pino.child(fields));
  }
}
