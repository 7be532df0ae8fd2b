import { createHash } from 'node:crypto';

import type { Clock } from '../../src/base/clock.ts';
import type { LogFields, Logger } from '../../src/telemetry/logger.ts';

/** All that happened in a world, in order: one line per event, and a hash over all of them. */
export class Journal {
  readonly lines: string[] = [];
  readonly #clock: Clock;
  readonly #hash = createHash('sha256');

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(who: string, what: string): void {
    const line = `${this.#clock.monotonicMs().toFixed(3).padStart(12)} ${who.padEnd(6)} ${what}`;
    this.lines.push(line);
    this.#hash.update(line).update('\n');
  }

  /** Of everything noted so far. */
  get hash(): string {
    return this.#hash.copy().digest('hex').slice(0, 16);
  }
}

/** A region's log lines, in the journal. */
export class JournalLogger implements Logger {
  readonly #journal: Journal;
  readonly #who: string;
  readonly #fields: LogFields;

  constructor(journal: Journal, who: string, fields: LogFields = {}) {
    this.#journal = journal;
    this.#who = who;
    this.#fields = fields;
  }

  debug(fields: LogFields, message: string): void {
    this.#note('debug', fields, message);
  }

  info(fields: LogFields, message: string): void {
    this.#note('info', fields, message);
  }

  warn(fields: LogFields, message: string): void {
    this.#note('warn', fields, message);
  }

  error(fields: LogFields, message: string): void {
    this.#note('error', fields, message);
  }

  child(fields: LogFields): Logger {
    return new JournalLogger(this.#journal, this.#who, { ...this.#fields, ...fields });
  }

  #note(level: string, fields: LogFields, message: string): void {
    const all = Object.entries({ ...this.#fields, ...fields }).map(
      ([name, value]) => `${name}=${words(value)}`,
    );
    this.#journal.note(this.#who, [level, message, ...all].join(' '));
  }
}

function words(value: unknown): string {
  if (!(value instanceof Error)) return value === undefined ? 'undefined' : JSON.stringify(value);
  const cause = value.cause === undefined ? '' : ` because ${words(value.cause)}`;
  const stack = /Assertion|Type|Reference|Range/.test(value.name)
    ? ` at ${(value.stack ?? '')
        .split('\n')
        .slice(1, 6)
        .map((line) => line.trim().replace(/\(?(file:\/\/)?\/.*\/(src|test)\//, '($2/'))
        .join(' < ')}`
    : '';
  return `${value.name}: ${value.message}${stack}${cause}`;
}
