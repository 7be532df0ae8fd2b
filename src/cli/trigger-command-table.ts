import { TRIGGER_FILTERS_MAX, TRIGGER_NUMBERS } from '../triggers/trigger-definition.ts';
import type { CommandDefinition, OptionDefinition } from './command-table.ts';

/** The lab's first region. */
export const TRIGGER_OPERATIONS_DEFAULT = 'http://127.0.0.1:9001';

const OPERATIONS = {
  value: 'URL',
  description: `The operations port of the region; of three nodes, that of any of them. Default ${TRIGGER_OPERATIONS_DEFAULT}.`,
} as const;

const NAME = { value: 'NAME', description: 'The name of the trigger.' } as const;

const TOKEN =
  'From another machine the port wants its token (operations.token), which is taken from TIDEMARK_OPERATIONS_TOKEN.';

const numberOption = (
  name: keyof typeof TRIGGER_NUMBERS,
  value: string,
  what: string,
): OptionDefinition => {
  const { min, max, fallback } = TRIGGER_NUMBERS[name];
  return { value, description: `${what} ${min} to ${max}, default ${fallback}.` };
};

/** What a trigger does, and how: as it is made, and as it is changed. */
const SETTINGS = {
  filter: {
    value: 'JSON',
    repeatable: true,
    description: `Only records that match this pattern, or another one; up to ${TRIGGER_FILTERS_MAX}.`,
  },
  'batch-size': numberOption('batchSize', 'N', 'Records in a batch, at most:'),
  'batching-window': numberOption(
    'batchingWindowSeconds',
    'SECONDS',
    'How long a batch waits for more records:',
  ),
  'parallelization-factor': numberOption(
    'parallelizationFactor',
    'N',
    'Batches of one shard at once, in order for each item:',
  ),
  'maximum-retry-attempts': numberOption(
    'maximumRetryAttempts',
    'N',
    'How often a batch that failed is tried again before it is given up, -1 for ever (write --maximum-retry-attempts=-1):',
  ),
  'maximum-record-age': numberOption(
    'maximumRecordAgeSeconds',
    'SECONDS',
    'How old records may be before they are given up, 60 at least, -1 for ever:',
  ),
  'bisect-on-error': { description: 'A batch that failed is tried again in two halves.' },
  'report-batch-item-failures': {
    description:
      'The consumer may answer {"batchItemFailures":[{"itemIdentifier":SEQUENCE NUMBER}]}: what stands before is done.',
  },
  metadata: {
    description:
      'Each record says under "tidemark" where it comes from: originRegion, version, cause. A filter may ask for it.',
  },
  'on-failure': {
    value: 'PLACE',
    description: 'Where it is written down what is given up: file:FILE or nats:SUBJECT.',
  },
  timeout: numberOption('timeoutSeconds', 'SECONDS', 'How long a batch may take:'),
  memory: numberOption('memoryMb', 'MB', 'Of a process of a module, its JavaScript heap:'),
  processes: numberOption('processes', 'N', 'Processes of a module at once, at most:'),
} as const satisfies Readonly<Record<string, OptionDefinition>>;

const TO = {
  value: 'TARGET',
  description:
    'module:FILE, a file that exports handler(event, context), which runs in processes of its own; http://… or https://…, which get a POST; or nats:SUBJECT, which gets a request.',
} as const;

const FILES =
  'module: and file: name files of the machine of the daemon, and are taken from that machine only. Relative paths are those of the folder that the command is given in.';

export const TRIGGER_COMMANDS = {
  'trigger create': {
    summary: "hands a table's changes to a handler file, an address or a NATS subject",
    sentence:
      "Makes a trigger: a table's stream is followed from now on, and its records are handed over in batches, as an event source mapping of Lambda does it.",
    usage: 'tidemark trigger create --table TABLE --to TARGET [options]',
    options: {
      table: { value: 'TABLE', description: 'The table. It must have a stream.' },
      to: TO,
      name: {
        value: 'NAME',
        description: 'How it is called. Default: the name of the table.',
      },
      'starting-position': {
        value: 'POSITION',
        description: 'TRIM_HORIZON, LATEST or AT_TIMESTAMP. Default LATEST.',
      },
      timestamp: {
        value: 'TIME',
        description: 'With AT_TIMESTAMP, such as 2026-01-31T12:00:00Z.',
      },
      ...SETTINGS,
      paused: { description: 'Make it, and let it begin with `tidemark trigger resume`.' },
      operations: OPERATIONS,
    },
    notes: [FILES, TOKEN],
  },
  'trigger update': {
    summary: 'changes how a trigger does it; it keeps its place',
    sentence:
      'Changes settings of a trigger, which goes on where it is. What is not given stays as it is. Its table and where it began stay: those are another trigger.',
    usage: 'tidemark trigger update --name NAME [options]',
    options: {
      name: NAME,
      to: TO,
      ...SETTINGS,
      'no-filter': { description: 'All records.' },
      'no-bisect-on-error': { description: 'A batch that failed is tried again whole.' },
      'no-report-batch-item-failures': { description: 'What the consumer reports is ignored.' },
      'no-metadata': { description: 'Records are as AWS has them.' },
      'no-on-failure': { description: 'What is given up is counted, and written down nowhere.' },
      enabled: { description: 'As `tidemark trigger resume`.' },
      'no-enabled': { description: 'As `tidemark trigger pause`.' },
      operations: OPERATIONS,
    },
    notes: ['--filter takes the place of all filters that the trigger has.', FILES, TOKEN],
  },
  'trigger list': {
    summary: "a region's triggers, with what they do and how far behind they are",
    sentence:
      'Prints the triggers of a region: what each does, its lag, and what it has not handled.',
    usage: 'tidemark trigger list [--json] [--operations URL]',
    options: {
      json: { description: 'Print all that was answered, as JSON.' },
      operations: OPERATIONS,
    },
    notes: [],
  },
  'trigger describe': {
    summary: 'one trigger: its settings, its state, its place in each shard',
    sentence: 'Prints all that is known of one trigger, as JSON.',
    usage: 'tidemark trigger describe --name NAME [--operations URL]',
    options: { name: NAME, operations: OPERATIONS },
    notes: [],
  },
  'trigger pause': {
    summary: 'lets a trigger rest; it keeps its place',
    sentence:
      'Lets a trigger rest. It keeps its place, for as long as the stream keeps its records.',
    usage: 'tidemark trigger pause --name NAME [--operations URL]',
    options: { name: NAME, operations: OPERATIONS },
    notes: [TOKEN],
  },
  'trigger resume': {
    summary: 'lets a trigger go on where it was paused',
    sentence: 'Lets a trigger go on where it was paused. A handler file is loaded anew.',
    usage: 'tidemark trigger resume --name NAME [--operations URL]',
    options: { name: NAME, operations: OPERATIONS },
    notes: [TOKEN],
  },
  'trigger delete': {
    summary: 'ends a trigger, and forgets its place',
    sentence: 'Ends a trigger, and forgets its place.',
    usage: 'tidemark trigger delete --name NAME [--operations URL]',
    options: { name: NAME, operations: OPERATIONS },
    notes: [TOKEN],
  },
} as const satisfies Readonly<Record<string, CommandDefinition>>;
