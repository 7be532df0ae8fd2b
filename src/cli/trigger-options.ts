import { resolve } from 'node:path';

import { nearest } from '../daemon/nearest-word.ts';
import { endpointOf, needed, type Given } from './operations-options.ts';
import { TRIGGER_OPERATIONS_DEFAULT, type TRIGGER_COMMANDS } from './trigger-command-table.ts';
import { UsageError } from './usage-error.ts';

export interface TriggerCreateOptions {
  readonly operations: string;
  /** As `POST /triggers` takes it. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface TriggerUpdateOptions {
  readonly operations: string;
  readonly name: string;
  /** As `POST /triggers/<name>/update` takes it. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface TriggerListOptions {
  readonly operations: string;
  readonly json: boolean;
}

export interface TriggerNameOptions {
  readonly operations: string;
  readonly name: string;
}

type TriggerCommand = keyof typeof TRIGGER_COMMANDS;

const CREATE: TriggerCommand = 'trigger create';
const UPDATE: TriggerCommand = 'trigger update';

/** Options that are whole numbers, and the settings that they are. */
const NUMBERS = {
  'batch-size': 'batchSize',
  'batching-window': 'batchingWindowSeconds',
  'parallelization-factor': 'parallelizationFactor',
  'maximum-retry-attempts': 'maximumRetryAttempts',
  'maximum-record-age': 'maximumRecordAgeSeconds',
  timeout: 'timeoutSeconds',
  memory: 'memoryMb',
  processes: 'processes',
} as const;

const POSITIONS = ['TRIM_HORIZON', 'LATEST', 'AT_TIMESTAMP'] as const;

/** `folder`: where relative paths begin. Throws `UsageError`, as all of these. */
export function triggerCreateOptionsOf(given: Given, folder: string): TriggerCreateOptions {
  const one = (option: string): string | undefined => given.get(option)?.[0];
  const table = needed(given, { option: 'table', value: 'TABLE', command: CREATE });
  const to = needed(given, { option: 'to', value: 'TARGET', command: CREATE });
  const onFailure = one('on-failure');
  const timestamp = one('timestamp');
  const settings = {
    name: one('name') ?? table,
    table,
    to: withWholePath(to, 'module:', folder),
    filters: (given.get('filter') ?? []).map((text) => patternOf(text, CREATE)),
    ...position(one('starting-position'), timestamp),
    bisectOnError: given.has('bisect-on-error'),
    reportBatchItemFailures: given.has('report-batch-item-failures'),
    metadata: given.has('metadata'),
    ...(onFailure === undefined ? {} : { onFailure: withWholePath(onFailure, 'file:', folder) }),
    ...numbersIn(given, CREATE),
    paused: given.has('paused'),
  };
  return { operations: operationsOf(given, CREATE), settings };
}

/** Settings that are on or off, by the option that says so; the one that says otherwise is `no-` and its name. */
const SWITCHES = {
  'bisect-on-error': { setting: 'bisectOnError', on: true },
  'report-batch-item-failures': { setting: 'reportBatchItemFailures', on: true },
  metadata: { setting: 'metadata', on: true },
  enabled: { setting: 'paused', on: false },
} as const;

/** What is given, and nothing else: the rest stays as it is. */
export function triggerUpdateOptionsOf(given: Given, folder: string): TriggerUpdateOptions {
  const name = needed(given, { option: 'name', value: 'NAME', command: UPDATE });
  for (const option of given.keys())
    if (given.has(`no-${option}`))
      throw new UsageError(`--${option} and --no-${option} exclude each other`, UPDATE);
  const [to] = given.get('to') ?? [];
  const [onFailure] = given.get('on-failure') ?? [];
  const filters = given.get('filter')?.map((text) => patternOf(text, UPDATE));
  const settings = {
    ...(to !== undefined && { to: withWholePath(to, 'module:', folder) }),
    ...(filters !== undefined && { filters }),
    ...(given.has('no-filter') && { filters: [] }),
    ...(onFailure !== undefined && { onFailure: withWholePath(onFailure, 'file:', folder) }),
    ...(given.has('no-on-failure') && { onFailure: null }),
    ...switchesIn(given),
    ...numbersIn(given, UPDATE),
  };
  if (Object.keys(settings).length === 0)
    throw new UsageError('trigger update changes nothing: say what is to be otherwise', UPDATE);
  return { operations: operationsOf(given, UPDATE), name, settings };
}

function switchesIn(given: Given): Readonly<Record<string, boolean>> {
  const settings: Record<string, boolean> = {};
  for (const [option, { setting, on }] of Object.entries(SWITCHES)) {
    if (given.has(option)) settings[setting] = on;
    if (given.has(`no-${option}`)) settings[setting] = !on;
  }
  return settings;
}

export const triggerListOptionsOf = (given: Given): TriggerListOptions => ({
  operations: operationsOf(given, 'trigger list'),
  json: given.has('json'),
});

export const triggerNameOptionsOf = (
  given: Given,
  command: TriggerCommand,
): TriggerNameOptions => ({
  operations: operationsOf(given, command),
  name: needed(given, { option: 'name', value: 'NAME', command }),
});

const operationsOf = (given: Given, command: TriggerCommand): string =>
  endpointOf(given.get('operations')?.[0] ?? TRIGGER_OPERATIONS_DEFAULT, command);

function position(kind: string | undefined, timestamp: string | undefined): object {
  const known = POSITIONS.find((each) => each === kind);
  if (kind !== undefined && known === undefined) {
    const suggestion = nearest(kind.toUpperCase(), POSITIONS);
    const help = suggestion === undefined ? '' : `; is it ${suggestion}?`;
    throw new UsageError(
      `--starting-position ${kind}: expected one of ${POSITIONS.join(', ')}${help}`,
      CREATE,
    );
  }
  if ((known === 'AT_TIMESTAMP') !== (timestamp !== undefined))
    throw new UsageError('--starting-position AT_TIMESTAMP and --timestamp come together', CREATE);
  return {
    ...(known === undefined ? {} : { startingPosition: known }),
    ...(timestamp === undefined ? {} : { startingPositionTimestamp: timestamp }),
  };
}

function numbersIn(given: Given, command: TriggerCommand): Readonly<Record<string, number>> {
  const numbers: Record<string, number> = {};
  for (const [option, setting] of Object.entries(NUMBERS)) {
    const text = given.get(option)?.[0];
    if (text === undefined) continue;
    if (!/^-?\d{1,9}$/u.test(text))
      throw new UsageError(`--${option} ${text}: expected a whole number`, command);
    numbers[setting] = Number(text);
  }
  return numbers;
}

/** A pattern, or what holds one as Lambda's API has it: `{"Pattern": "…"}`. */
function patternOf(text: string, command: TriggerCommand): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`--filter ${text}: expected JSON`, command);
  }
  if (typeof value !== 'object' || value === null || !('Pattern' in value)) return text;
  return typeof value.Pattern === 'string' ? value.Pattern : text;
}

const withWholePath = (address: string, scheme: string, folder: string): string =>
  address.startsWith(scheme) && address !== scheme
    ? scheme + resolve(folder, address.slice(scheme.length))
    : address;
