import { TABLE_NAME_LENGTH_MAX, TABLE_NAME_LENGTH_MIN } from '../model/limits.ts';
import { EventFilterError, parseEventFilter } from './event-filter.ts';
import type { DeadLetterAddress, TargetAddress } from './trigger-target.ts';

/** What a user says of a trigger. Names and bounds are those of Lambda's event source mappings where they have them. */
export interface TriggerDefinition {
  readonly name: string;
  readonly table: string;
  readonly to: TargetAddress;
  /** Patterns; a record passes when it matches one, or when there is none. */
  readonly filters: readonly string[];
  readonly batchSize: number;
  readonly batchingWindowSeconds: number;
  readonly startingPosition: StartingPosition;
  readonly parallelizationFactor: number;
  /** -1: until the stream keeps the records no more. */
  readonly maximumRetryAttempts: number;
  /** -1: as long as the stream keeps the records. */
  readonly maximumRecordAgeSeconds: number;
  readonly bisectOnError: boolean;
  readonly reportBatchItemFailures: boolean;
  /** Whether records say where they come from: see `ReadOptions`. Beyond Lambda. */
  readonly metadata: boolean;
  readonly onFailure: DeadLetterAddress | undefined;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  readonly processes: number;
}

export type StartingPosition =
  | { readonly kind: 'TRIM_HORIZON' }
  | { readonly kind: 'LATEST' }
  | { readonly kind: 'AT_TIMESTAMP'; readonly timeMs: number };

/** What of a definition is a whole number: its bounds, and what it is when nothing is said. */
export const TRIGGER_NUMBERS = {
  batchSize: { min: 1, max: 10_000, fallback: 100 },
  batchingWindowSeconds: { min: 0, max: 300, fallback: 0 },
  parallelizationFactor: { min: 1, max: 10, fallback: 1 },
  maximumRetryAttempts: { min: -1, max: 10_000, fallback: -1 },
  maximumRecordAgeSeconds: { min: -1, max: 604_800, fallback: -1 },
  timeoutSeconds: { min: 1, max: 900, fallback: 30 },
  memoryMb: { min: 64, max: 10_240, fallback: 256 },
  processes: { min: 1, max: 16, fallback: 4 },
} as const;

/** Lambda's: a younger record is never too old. */
export const RECORD_AGE_SECONDS_MIN = 60;
/** Lambda's, once its quota is raised. */
export const TRIGGER_FILTERS_MAX = 10;
/** Ours, as are those of addresses. */
export const TRIGGER_NAME_LENGTH_MAX = 64;
const ADDRESS_LENGTH_MAX = 2048;
const NATS_SUBJECT_LENGTH_MAX = 255;

const NAME = /^[\w.-]+$/u;
/** Tokens with dots between them, without wildcards. */
const SUBJECT = /^[^\s.*>$][^\s.*>]*(?:\.[^\s.*>]+)*$/u;

export type DefinitionReading =
  | { readonly kind: 'read'; readonly definition: TriggerDefinition }
  | { readonly kind: 'wrong'; readonly problems: readonly string[] };

/** Reads what a user has sent, or what `definitionJson` wrote; all problems at once. */
export function readTriggerDefinition(value: unknown): DefinitionReading {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { kind: 'wrong', problems: ['expected a JSON object'] };
  const reader = new DefinitionReader(new Map<string, unknown>(Object.entries(value)));
  const definition = reader.read();
  const { problems } = reader;
  return problems.length > 0 ? { kind: 'wrong', problems } : { kind: 'read', definition };
}

/** What a trigger has for good: another table, or another beginning, is another trigger. */
const FIXED: readonly string[] = ['name', 'table', 'startingPosition', 'startingPositionTimestamp'];

/** The definition with some of its members otherwise; null is what a member is when nothing is said. */
export function changedDefinition(
  definition: TriggerDefinition,
  change: Readonly<Record<string, unknown>>,
): DefinitionReading {
  const members = new Map(Object.entries(definitionJson(definition)));
  const fixed = FIXED.filter((name) => Object.hasOwn(change, name));
  for (const [name, value] of Object.entries(change)) {
    if (fixed.includes(name)) continue;
    if (value === null) members.delete(name);
    else members.set(name, value);
  }
  const reading = readTriggerDefinition(Object.fromEntries(members));
  if (fixed.length === 0) return reading;
  const problems = fixed.map((name) => `"${name}" stays as it is: make another trigger`);
  return { kind: 'wrong', problems: [...problems, ...problemsOf(reading)] };
}

const problemsOf = (reading: DefinitionReading): readonly string[] =>
  reading.kind === 'wrong' ? reading.problems : [];

/**
 * Whether a text that was sent as `to` or `onFailure` means a file of the daemon's machine, which only that machine's own users
 * may name.
 */
export const namesFile = (text: unknown): boolean =>
  typeof text === 'string' &&
  (targetOf(text)?.kind === 'module' || deadLettersOf(text)?.kind === 'file');

/** The same definition as JSON, as it is sent, shown and kept. */
export function definitionJson(definition: TriggerDefinition): Readonly<Record<string, unknown>> {
  const { to, onFailure, startingPosition: start, ...plain } = definition;
  return {
    ...plain,
    to: addressText(to),
    startingPosition: start.kind,
    ...(start.kind === 'AT_TIMESTAMP'
      ? { startingPositionTimestamp: new Date(start.timeMs).toISOString() }
      : {}),
    ...(onFailure === undefined ? {} : { onFailure: addressText(onFailure) }),
  };
}

/** `https://…`, `nats:SUBJECT`, `module:FILE` or `file:FILE`. */
function addressText(address: TargetAddress | DeadLetterAddress): string {
  switch (address.kind) {
    case 'url':
      return address.url;
    case 'nats':
      return `nats:${address.subject}`;
    case 'module':
    case 'file':
      return `${address.kind}:${address.file}`;
    default:
      return address satisfies never;
  }
}

const MEMBERS: readonly string[] = [
  'name',
  'table',
  'to',
  'filters',
  'startingPosition',
  'startingPositionTimestamp',
  'bisectOnError',
  'reportBatchItemFailures',
  'metadata',
  'onFailure',
  ...Object.keys(TRIGGER_NUMBERS),
];

class DefinitionReader {
  readonly problems: string[] = [];
  readonly #given: ReadonlyMap<string, unknown>;

  constructor(given: ReadonlyMap<string, unknown>) {
    this.#given = given;
    const unknown = [...given.keys()].filter((name) => !MEMBERS.includes(name));
    if (unknown.length > 0) this.problems.push(`unknown members: ${unknown.join(', ')}`);
  }

  read(): TriggerDefinition {
    return {
      name: this.#name(),
      table: this.#table(),
      to: this.#target(),
      filters: this.#filters(),
      startingPosition: this.#startingPosition(),
      bisectOnError: this.#flag('bisectOnError'),
      reportBatchItemFailures: this.#flag('reportBatchItemFailures'),
      metadata: this.#flag('metadata'),
      onFailure: this.#deadLetters(),
      batchSize: this.#number('batchSize'),
      batchingWindowSeconds: this.#number('batchingWindowSeconds'),
      parallelizationFactor: this.#number('parallelizationFactor'),
      maximumRetryAttempts: this.#number('maximumRetryAttempts'),
      maximumRecordAgeSeconds: this.#recordAge(),
      timeoutSeconds: this.#number('timeoutSeconds'),
      memoryMb: this.#number('memoryMb'),
      processes: this.#number('processes'),
    };
  }

  #text(member: string): string {
    const value = this.#given.get(member);
    if (typeof value === 'string' && value !== '') return value;
    this.problems.push(`"${member}": expected text`);
    return '';
  }

  #name(): string {
    const name = this.#text('name');
    if (name !== '' && (!NAME.test(name) || name.length > TRIGGER_NAME_LENGTH_MAX))
      this.problems.push(
        `"name": expected letters, digits, ".", "_" and "-", ${TRIGGER_NAME_LENGTH_MAX} at most`,
      );
    return name;
  }

  #table(): string {
    const table = this.#text('table');
    const { length } = table;
    const isLong = length > TABLE_NAME_LENGTH_MAX;
    if (table !== '' && (!NAME.test(table) || length < TABLE_NAME_LENGTH_MIN || isLong))
      this.problems.push('"table": expected the name of a table');
    return table;
  }

  #target(): TargetAddress {
    const text = this.#text('to');
    const address = text === '' ? { kind: 'url' as const, url: '' } : targetOf(text);
    if (address !== undefined) return address;
    this.problems.push(
      `"to": ${text} is none of http://…, https://…, nats:SUBJECT and module:/absolute/FILE`,
    );
    return { kind: 'url', url: '' };
  }

  #deadLetters(): DeadLetterAddress | undefined {
    if (this.#given.get('onFailure') === undefined) return undefined;
    const text = this.#text('onFailure');
    const address = deadLettersOf(text);
    if (address === undefined && text !== '')
      this.problems.push(`"onFailure": ${text} is none of file:/absolute/FILE and nats:SUBJECT`);
    return address;
  }

  #filters(): readonly string[] {
    const filters = this.#given.get('filters') ?? [];
    if (!Array.isArray(filters) || !filters.every((each) => typeof each === 'string')) {
      this.problems.push('"filters": expected a list of patterns, each a text that is JSON');
      return [];
    }
    if (filters.length > TRIGGER_FILTERS_MAX)
      this.problems.push(`"filters": there are ${TRIGGER_FILTERS_MAX} at most`);
    for (const pattern of filters) {
      try {
        parseEventFilter(pattern);
      } catch (error) {
        if (!(error instanceof EventFilterError)) throw error;
        this.problems.push(`"filters": ${error.message}`);
      }
    }
    return filters;
  }

  #startingPosition(): StartingPosition {
    const kind = this.#given.get('startingPosition') ?? 'LATEST';
    const timestamp = this.#given.get('startingPositionTimestamp');
    if (kind === 'AT_TIMESTAMP') {
      const timeMs = timeOf(timestamp);
      if (timeMs !== undefined) return { kind, timeMs };
      this.problems.push(
        '"startingPositionTimestamp": expected a time such as "2026-01-31T12:00:00Z", or seconds since 1970',
      );
      return { kind, timeMs: 0 };
    }
    if (timestamp !== undefined)
      this.problems.push('"startingPositionTimestamp" is for AT_TIMESTAMP');
    if (kind === 'TRIM_HORIZON' || kind === 'LATEST') return { kind };
    this.problems.push('"startingPosition": expected TRIM_HORIZON, LATEST or AT_TIMESTAMP');
    return { kind: 'LATEST' };
  }

  #flag(member: string): boolean {
    const value = this.#given.get(member) ?? false;
    if (typeof value === 'boolean') return value;
    this.problems.push(`"${member}": expected true or false`);
    return false;
  }

  #number(member: keyof typeof TRIGGER_NUMBERS): number {
    const { min, max, fallback } = TRIGGER_NUMBERS[member];
    const value = this.#given.get(member) ?? fallback;
    const isWhole = typeof value === 'number' && Number.isInteger(value);
    if (isWhole && value >= min && value <= max) return value;
    this.problems.push(`"${member}": expected a whole number from ${min} to ${max}`);
    return fallback;
  }

  #recordAge(): number {
    const seconds = this.#number('maximumRecordAgeSeconds');
    if (seconds !== -1 && seconds < RECORD_AGE_SECONDS_MIN)
      this.problems.push(
        `"maximumRecordAgeSeconds": expected -1, or at least ${RECORD_AGE_SECONDS_MIN}`,
      );
    return seconds;
  }
}

function targetOf(text: string): TargetAddress | undefined {
  if (text.length > ADDRESS_LENGTH_MAX) return undefined;
  const subject = subjectIn(text);
  if (subject !== undefined) return { kind: 'nats', subject };
  const file = fileIn(text, 'module:');
  if (file !== undefined) return { kind: 'module', file };
  return isWebAddress(text) ? { kind: 'url', url: text } : undefined;
}

function deadLettersOf(text: string): DeadLetterAddress | undefined {
  if (text.length > ADDRESS_LENGTH_MAX) return undefined;
  const subject = subjectIn(text);
  if (subject !== undefined) return { kind: 'nats', subject };
  const file = fileIn(text, 'file:');
  return file === undefined ? undefined : { kind: 'file', file };
}

function subjectIn(text: string): string | undefined {
  const subject = text.startsWith('nats:') ? text.slice('nats:'.length) : '';
  return SUBJECT.test(subject) && subject.length <= NATS_SUBJECT_LENGTH_MAX ? subject : undefined;
}

/** Absolute, also as Windows has it. */
function fileIn(text: string, scheme: string): string | undefined {
  const file = text.startsWith(scheme) ? text.slice(scheme.length) : '';
  const isAbsolute = /^(?:\/|[A-Za-z]:[\\/])/u.test(file);
  return isAbsolute && !file.includes('\0') ? file : undefined;
}

function isWebAddress(text: string): boolean {
  try {
    const { protocol } = new URL(text);
    return protocol === 'http:' || protocol === 'https:';
  } catch {
    return false;
  }
}

const MS_PER_SECOND = 1000;

function timeOf(value: unknown): number | undefined {
  const isSeconds = typeof value === 'number' && value >= 0;
  const timeMs = isSeconds
    ? value * MS_PER_SECOND
    : typeof value === 'string'
      ? Date.parse(value)
      : NaN;
  return Number.isFinite(timeMs) ? timeMs : undefined;
}
