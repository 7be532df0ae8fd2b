import { parseArgs } from 'node:util';

import { unreachable } from '../base/assert.ts';
import { nearest } from '../daemon/nearest-word.ts';
import type { CommandDefinition, CommandName } from './command-table.ts';
import { COMMAND_NAMES, COMMANDS, isCommandName } from './command-table.ts';
import type { LinkDelay } from './link-delay.ts';
import { parseLinkDelay } from './link-delay.ts';
import {
  leaderMoveOptionsOf,
  nodeDrainOptionsOf,
  partitionSplitOptionsOf,
  statusOptionsOf,
  type LeaderMoveOptions,
  type NodeDrainOptions,
  type PartitionSplitOptions,
  type StatusOptions,
} from './operations-options.ts';
import {
  triggerCreateOptionsOf,
  triggerListOptionsOf,
  triggerNameOptionsOf,
  triggerUpdateOptionsOf,
  type TriggerCreateOptions,
  type TriggerListOptions,
  type TriggerNameOptions,
  type TriggerUpdateOptions,
} from './trigger-options.ts';
import { UsageError } from './usage-error.ts';

/** What the command line asks for. */
export type Invocation =
  | { readonly kind: 'help'; readonly command: CommandName | undefined }
  | { readonly kind: 'version' }
  | { readonly kind: 'lab'; readonly options: LabOptions }
  | { readonly kind: 'serve'; readonly options: ServeOptions }
  | { readonly kind: 'demo'; readonly options: DemoOptions }
  | { readonly kind: 'status'; readonly options: StatusOptions }
  | { readonly kind: 'leader move'; readonly options: LeaderMoveOptions }
  | { readonly kind: 'partition split'; readonly options: PartitionSplitOptions }
  | { readonly kind: 'node drain'; readonly options: NodeDrainOptions }
  | { readonly kind: 'trigger create'; readonly options: TriggerCreateOptions }
  | { readonly kind: 'trigger update'; readonly options: TriggerUpdateOptions }
  | { readonly kind: 'trigger list'; readonly options: TriggerListOptions }
  | {
      readonly kind: 'trigger describe' | 'trigger pause' | 'trigger resume' | 'trigger delete';
      readonly options: TriggerNameOptions;
    };

export interface LabOptions {
  /** Undefined where it was not given. */
  readonly data: string | undefined;
  readonly ephemeral: boolean;
  readonly delays: readonly LinkDelay[];
  /** Undefined is all of them. */
  readonly regions: readonly string[] | undefined;
  readonly configFolder: string | undefined;
  readonly portBase: number | undefined;
  /** Regions as processes of their own over NATS. */
  readonly nats: boolean;
  /** Of each region; undefined where it was not given. */
  readonly nodes: 1 | 3 | undefined;
}

export interface ServeOptions {
  readonly config: string;
  readonly data: string | undefined;
}

export interface DemoOptions {
  /** How many cities are loaded, from the first on; undefined is all of them. */
  readonly cities: number | undefined;
}

/** Reads the words after the program's name. Throws `UsageError`, with a suggestion where one is near. */
export function parseCommandLine(words: readonly string[]): Invocation {
  const [first, second] = words;
  if (first === undefined)
    throw new UsageError(`no command; there are ${COMMAND_NAMES.join(', ')}`);
  if (first === '--help' || first === '-h') return { kind: 'help', command: undefined };
  if (first === '--version' || first === '-v') return { kind: 'version' };
  if (first === 'help') {
    return { kind: 'help', command: second === undefined ? undefined : commandIn(words.slice(1)) };
  }
  const command = commandIn(words);
  const given = readOptions(command, words.slice(command.split(' ').length));
  return given === 'help' ? { kind: 'help', command } : invocationOf(command, given);
}

/** The command that the words begin with: of two of them where there is such a one. Throws `UsageError`. */
function commandIn([first = '', second = '']: readonly string[]): CommandName {
  const both = `${first} ${second}`;
  if (isCommandName(both)) return both;
  if (isCommandName(first)) return first;
  const longer = COMMAND_NAMES.filter((name) => name.startsWith(`${first} `));
  if (longer.length === 0) throw unknownCommand(first);
  throw new UsageError(`${first} is half a command; is it ${longer.join(' or ')}?`);
}

/** The values of each option that was given, in order; a flag's is empty. */
type GivenOptions = ReadonlyMap<string, readonly string[]>;

function invocationOf(command: CommandName, given: GivenOptions): Invocation {
  const one = (name: string): string | undefined => given.get(name)?.[0];
  switch (command) {
    case 'lab':
      return {
        kind: 'lab',
        options: {
          data: one('data'),
          ephemeral: given.has('ephemeral'),
          delays: (given.get('delay') ?? []).map(parseLinkDelay),
          regions: namesIn(one('regions')),
          configFolder: one('config-dir'),
          portBase: portBaseOf(one('port-base')),
          nats: given.has('nats'),
          nodes: nodesOf(one('nodes'), given.has('nats')),
        },
      };
    case 'serve': {
      const config = one('config');
      if (config === undefined) throw new UsageError('serve needs --config FILE', 'serve');
      return { kind: 'serve', options: { config, data: one('data') } };
    }
    case 'demo':
      return { kind: 'demo', options: { cities: citiesOf(one('cities')) } };
    case 'status':
      return { kind: 'status', options: statusOptionsOf(given) };
    case 'leader move':
      return { kind: 'leader move', options: leaderMoveOptionsOf(given) };
    case 'partition split':
      return { kind: 'partition split', options: partitionSplitOptionsOf(given) };
    case 'node drain':
      return { kind: 'node drain', options: nodeDrainOptionsOf(given) };
    case 'trigger create':
      return { kind: command, options: triggerCreateOptionsOf(given, process.cwd()) };
    case 'trigger update':
      return { kind: command, options: triggerUpdateOptionsOf(given, process.cwd()) };
    case 'trigger list':
      return { kind: command, options: triggerListOptionsOf(given) };
    case 'trigger describe':
    case 'trigger pause':
    case 'trigger resume':
    case 'trigger delete':
      return { kind: command, options: triggerNameOptionsOf(given, command) };
    default:
      return unreachable(command);
  }
}

function readOptions(command: CommandName, words: readonly string[]): GivenOptions | 'help' {
  const definition: CommandDefinition = COMMANDS[command];
  const names = Object.keys(definition.options);
  const { tokens } = parseArgs({
    args: [...words],
    options: {
      help: { type: 'boolean', short: 'h' },
      ...Object.fromEntries(names.map((name) => [name, { type: typeOf(definition, name) }])),
    },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      throw new UsageError(`${command} takes no "${token.value}", only options`, command);
    }
    if (token.name === 'help') return 'help';
    const option = definition.options[token.name];
    if (option === undefined) throw unknownOption(command, token.rawName);
    const before = given.get(token.name) ?? [];
    if (before.length > 0 && option.repeatable !== true) {
      throw new UsageError(`--${token.name} is given twice`, command);
    }
    if (option.value === undefined && token.value !== undefined) {
      throw new UsageError(`--${token.name} takes no value`, command);
    }
    const missing =
      token.value === undefined ||
      token.value === '' ||
      (!token.inlineValue && token.value.startsWith('-'));
    if (option.value !== undefined && missing) {
      throw new UsageError(
        `--${token.name} needs a value: --${token.name} ${option.value}`,
        command,
      );
    }
    given.set(token.name, [...before, token.value ?? '']);
  }
  return given;
}

const typeOf = (definition: CommandDefinition, name: string): 'boolean' | 'string' =>
  definition.options[name]?.value === undefined ? 'boolean' : 'string';

function unknownCommand(name: string): UsageError {
  const suggestion =
    nearest(name, ['--help', '--version']) ?? nearest(name.replace(/^-+/u, ''), COMMAND_NAMES);
  const help =
    suggestion === undefined ? `there are ${COMMAND_NAMES.join(', ')}` : `is it ${suggestion}?`;
  return new UsageError(`${name} is no command; ${help}`);
}

function unknownOption(command: CommandName, rawName: string): UsageError {
  const names = [...Object.keys(COMMANDS[command].options), 'help'];
  const suggestion = nearest(rawName.replace(/^-+/u, ''), names);
  const help =
    suggestion === undefined
      ? `there are ${names.map((name) => `--${name}`).join(', ')}`
      : `is it --${suggestion}?`;
  return new UsageError(`${rawName} is no option of ${command}; ${help}`, command);
}

function namesIn(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) {
    throw new UsageError(`--regions ${text}: expected names with commas between them`, 'lab');
  }
  return [...new Set(names)];
}

function portBaseOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,5}$/u.test(text)) {
    throw new UsageError(`--port-base ${text}: expected a whole number such as 8000`, 'lab');
  }
  return Number(text);
}

function nodesOf(text: string | undefined, nats: boolean): 1 | 3 | undefined {
  if (text === undefined) return undefined;
  if (text !== '1' && text !== '3') {
    throw new UsageError(`--nodes ${text}: a region has 1 node or 3`, 'lab');
  }
  if (!nats) throw new UsageError('--nodes needs --nats: nodes are processes', 'lab');
  return text === '1' ? 1 : 3;
}

function citiesOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/u.test(text)) {
    throw new UsageError(`--cities ${text}: expected a whole number such as 5000`, 'demo');
  }
  return Number(text);
}
