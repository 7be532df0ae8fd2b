import { nearest } from '../daemon/nearest-word.ts';
import { ZONE_NAMES, type ZoneName } from '../daemon/operations-target.ts';
import { UsageError } from './usage-error.ts';

export interface StatusOptions {
  readonly configFolder: string | undefined;
  /** Operations ports to ask instead of those of the files; none asks those. */
  readonly operations: readonly string[];
  readonly json: boolean;
}

export interface LeaderMoveOptions {
  readonly partition: number;
  readonly to: ZoneName;
  readonly operations: string;
}

export interface PartitionSplitOptions {
  readonly partition: number;
  readonly operations: string;
}

export interface NodeDrainOptions {
  readonly undo: boolean;
  readonly operations: string;
}

/** The values of each option that was given; a flag's is empty. */
export type Given = ReadonlyMap<string, readonly string[]>;

/** Throws `UsageError`, as all of these. */
export function statusOptionsOf(given: Given): StatusOptions {
  const operations = (given.get('operations') ?? []).map((url) => endpointOf(url, 'status'));
  const configFolder = given.get('config-dir')?.[0];
  if (operations.length > 0 && configFolder !== undefined) {
    throw new UsageError('--config-dir and --operations exclude each other', 'status');
  }
  return { configFolder, operations: [...new Set(operations)], json: given.has('json') };
}

export function leaderMoveOptionsOf(given: Given): LeaderMoveOptions {
  const command = 'leader move';
  const partition = partitionOf(given, command);
  const to = needed(given, { option: 'to', value: 'ZONE', command });
  const zone = ZONE_NAMES.find((known) => known === to);
  if (zone === undefined) {
    const suggestion = nearest(to, ZONE_NAMES);
    const help = suggestion === undefined ? '' : `; is it ${suggestion}?`;
    throw new UsageError(`--to ${to}: expected one of ${ZONE_NAMES.join(', ')}${help}`, command);
  }
  return { partition, to: zone, operations: oneEndpointOf(given, command) };
}

export function partitionSplitOptionsOf(given: Given): PartitionSplitOptions {
  const command = 'partition split';
  return { partition: partitionOf(given, command), operations: oneEndpointOf(given, command) };
}

function partitionOf(given: Given, command: string): number {
  const partition = needed(given, { option: 'partition', value: 'N', command });
  if (!/^\d{1,9}$/u.test(partition)) {
    throw new UsageError(`--partition ${partition}: expected a whole number such as 3`, command);
  }
  return Number(partition);
}

export function nodeDrainOptionsOf(given: Given): NodeDrainOptions {
  return { undo: given.has('undo'), operations: oneEndpointOf(given, 'node drain') };
}

const oneEndpointOf = (given: Given, command: string): string =>
  endpointOf(needed(given, { option: 'operations', value: 'URL', command }), command);

/** Throws `UsageError` where it was not given. */
export function needed(
  given: Given,
  {
    option,
    value,
    command,
  }: { readonly option: string; readonly value: string; readonly command: string },
): string {
  const found = given.get(option)?.[0];
  if (found === undefined) throw new UsageError(`${command} needs --${option} ${value}`, command);
  return found;
}

/** `http://127.0.0.1:9001`, without a path. */
export function endpointOf(text: string, command: string): string {
  try {
    const { protocol, pathname, search, origin } = new URL(text);
    const isWeb = protocol === 'http:' || protocol === 'https:';
    if (isWeb && pathname === '/' && search === '') return origin;
  } catch {
    // What is no URL is refused as what is another one.
  }
  throw new UsageError(
    `--operations ${text}: expected an address such as http://127.0.0.1:9001`,
    command,
  );
}
