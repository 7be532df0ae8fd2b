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
    filters: (given.get('filter') ?? []).map(patternOf),
    ...position(one('starting-position'), timestamp),
    bisectOnError: given.has('bisect-on-error'),
    reportBatchItemFailures: given.has('report-batch-item-failures'),
    metadata: given.has('metadata'),
    ...(onFailure === undefined ? {} : { onFailure: withWholePath(onFailure, 'file:', folder) }),
    ...numbersIn(given),
    paused: given.has('paused'),
  };
  return { operations: operationsOf(given, CREATE), settings };
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

function numbersIn(given: Given): Readonly<Record<string, number>> {
  const numbers: Record<string, number> = {};
  for (const [option, setting] of Object.entries(NUMBERS)) {
    const text = given.get(option)?.[0];
    if (text === undefined) continue;
    if (!/^-?\d{1,9}$/u.test(text))
      throw new UsageError(`--${option} ${text}: expected a whole number`, CREATE);
    numbers[setting] = Number(text);
  }
  return numbers;
}

/** A pattern, or what holds one as Lambda's API has it: `{"Pattern": "…"}`. */
function patternOf(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`--filter ${text}: expected JSON`, CREATE);
  }
  if (typeof value !== 'object' || value === null || !('Pattern' in value)) return text;
  return typeof value.Pattern === 'string' ? value.Pattern : text;
}

const withWholePath = (address: string, scheme: string, folder: string): string =>
  address.startsWith(scheme) && address !== scheme
    ? scheme + resolve(folder, address.slice(scheme.length))
    : address;
