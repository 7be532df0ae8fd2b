import { EXIT } from './exit-code.ts';
import { TRIGGER_COMMANDS } from './trigger-command-table.ts';

/** One option of a command: the parser and `--help` read the same. */
export interface OptionDefinition {
  /** What stands for the value in `--help`; undefined for a flag. */
  readonly value?: string;
  readonly repeatable?: boolean;
  readonly description: string;
}

export interface CommandDefinition {
  readonly summary: string;
  /** What its help begins with, where that is not that it runs what the summary says. */
  readonly sentence?: string;
  readonly usage: string;
  readonly options: Readonly<Record<string, OptionDefinition>>;
  /** Further paragraphs of its help. */
  readonly notes: readonly string[];
}

const DATA =
  'Where the data is kept, a folder for each region. Default .tidemark/, kept between runs.';

const OPERATIONS_PORT = {
  value: 'URL',
  description: 'The operations port of the node, such as http://127.0.0.1:9001.',
} as const;

const OPERATIONS_PORTS = {
  value: 'URL',
  repeatable: true,
  description:
    'Ask this operations port, such as http://127.0.0.1:9001. May be given several times.',
} as const;

const TOKEN =
  'From another machine the port wants its token (operations.token), which is taken from TIDEMARK_OPERATIONS_TOKEN.';

export const COMMANDS = {
  lab: {
    summary: 'several writable regions in one process, or as processes over NATS',
    usage: 'tidemark lab [options]',
    options: {
      data: { value: 'DIR', description: DATA },
      ephemeral: {
        description:
          'Keep the data in a temporary folder, inside --data if that is given, and remove it at exit.',
      },
      delay: {
        value: 'A:B=80ms',
        repeatable: true,
        description:
          "Slow the link between two regions down, both ways, or one way with 'A->B=80ms' (in quotes, for the shell). May be given several times.",
      },
      regions: {
        value: 'A,B',
        description:
          'Start only these. Default: every region that has a file, so that a fourth region needs only a file.',
      },
      'config-dir': {
        value: 'DIR',
        description:
          'The folder with a .yaml file for each region. Default: regions/ of the package.',
      },
      'port-base': {
        value: 'N',
        description:
          "Listen on N+1, N+2, ... for DynamoDB and N+1001, N+1002, ... for operations, in the order of the files' own endpoint ports; a region keeps its place when --regions leaves others out. Default: the ports of the files, which are those of 8000.",
      },
      nats: {
        description:
          "Run a daemon and a nats-server for each region as processes, on the same ports; NATS listens on the endpoints' ports less 4000. It needs nats-server 2.9 or later: that of NATS_SERVER, on the PATH, or in .cache/bin, where it is built if there is Go.",
      },
      nodes: {
        value: 'N',
        description:
          'With --nats: 3 runs each region on three nodes, one for a zone, with its logs on a JetStream cluster of three nats-servers (2.14.5 or later); their ports are 10 and 20 higher. Default 1.',
      },
    },
    notes: [
      'On a terminal it shows a live table of region pairs; press ? there for the keys. Elsewhere it prints a line for a pair when something has changed, and logs JSON to standard error.',
      'Ctrl-C stops accepting, answers what is in flight (5 s at most), syncs and exits with 0; a second Ctrl-C exits at once.',
    ],
  },
  serve: {
    summary: 'one region, as its file says',
    usage: 'tidemark serve --config FILE [--data DIR]',
    options: {
      config: {
        value: 'FILE',
        description: "The region's configuration, such as regions/us-east-1.yaml.",
      },
      data: { value: 'DIR', description: DATA },
    },
    notes: [
      'It serves whether or not its peers can be reached, and logs to standard output.',
      'Ctrl-C or SIGTERM stops accepting, answers what is in flight (5 s at most), syncs and exits with 0; a second one exits at once.',
    ],
  },
  demo: {
    summary: 'three regions at work on a real data set, from load to agreement',
    usage: 'tidemark demo [options]',
    options: {
      cities: {
        value: 'N',
        description: 'Load the first N cities only. Default: all 135,233.',
      },
    },
    notes: [
      'It needs the development dependencies of a checkout, and keeps its data in a temporary folder.',
      'It exits with 0 only if every region holds everything in the end, and with 130 after Ctrl-C.',
    ],
  },
  status: {
    summary: 'regions, nodes, zones, leaders, partitions, lag and clocks of what runs',
    sentence: 'Asks operations ports and prints what they say of their regions.',
    usage: 'tidemark status [--config-dir DIR | --operations URL ...] [--json]',
    options: {
      'config-dir': {
        value: 'DIR',
        description:
          "Ask the operations port in each region's file there. Default: regions/ of the package.",
      },
      operations: OPERATIONS_PORTS,
      json: { description: 'Print all that was answered, as JSON.' },
    },
    notes: [
      'Nodes that an answer names are asked too. Where one has not answered itself the table says so, and the exit code is 1.',
    ],
  },
  'leader move': {
    summary: 'hands a partition over to the node of another zone',
    sentence: 'Hands a partition over to the node of another zone of its region.',
    usage: 'tidemark leader move --partition N --to ZONE --operations URL',
    options: {
      partition: { value: 'N', description: 'The number of the partition.' },
      to: { value: 'ZONE', description: 'The node that is to lead it, by its zone: a, b or c.' },
      operations: OPERATIONS_PORT,
    },
    notes: [TOKEN],
  },
  'partition split': {
    summary: 'splits a partition in two while it serves',
    sentence:
      'Splits a partition in two while it serves, where that divides best what it is asked for or holds.',
    usage: 'tidemark partition split --partition N --operations URL',
    options: {
      partition: { value: 'N', description: 'The number of the partition.' },
      operations: OPERATIONS_PORT,
    },
    notes: [TOKEN],
  },
  'node drain': {
    summary: 'lets a node hand over all that it leads, as before it is stopped',
    sentence: 'Lets a node hand over every partition that it leads, and take none any more.',
    usage: 'tidemark node drain [--undo] --operations URL',
    options: {
      undo: { description: 'Let it take partitions again.' },
      operations: OPERATIONS_PORT,
    },
    notes: [TOKEN],
  },
  ...TRIGGER_COMMANDS,
} as const satisfies Readonly<Record<string, CommandDefinition>>;

export type CommandName = keyof typeof COMMANDS;

export const COMMAND_NAMES: readonly string[] = Object.keys(COMMANDS);

export const isCommandName = (name: string): name is CommandName => Object.hasOwn(COMMANDS, name);

const COLUMNS = 100;
const INDENT = 24;

/** `tidemark --help`, or the help of one command. */
export function helpText(name: CommandName | undefined): string {
  const blocks = name === undefined ? overview() : commandHelp(COMMANDS[name]);
  return `${[...blocks, exitCodes()].join('\n\n')}\n`;
}

function overview(): string[] {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => entry(name, summary));
  return [
    'tidemark: DynamoDB with global tables that you run yourself',
    'Usage: tidemark COMMAND [options]',
    ['Commands:', ...commands].join('\n'),
    ['Options:', ...GENERAL].join('\n'),
    '`tidemark COMMAND --help` says more.',
  ];
}

function commandHelp({ usage, summary, sentence, options, notes }: CommandDefinition): string[] {
  const entries = Object.entries(options).map(([name, { value, description }]) =>
    entry(value === undefined ? `--${name}` : `--${name} ${value}`, description),
  );
  return [
    `Usage: ${usage}`,
    wrapped(sentence ?? `Runs ${summary}.`, COLUMNS).join('\n'),
    ['Options:', ...entries, entry('--help', 'Print this.')].join('\n'),
    ...notes.map((note) => wrapped(note, COLUMNS).join('\n')),
  ];
}

function exitCodes(): string {
  return [
    'Exit codes:',
    entry(String(EXIT.ok), 'Done, or stopped in order.'),
    entry(
      String(EXIT.failed),
      'Something failed: a port or a data directory in use, a disk, no answer, an error of ours.',
    ),
    entry(
      String(EXIT.usage),
      'The command line or the configuration is wrong; nothing was started.',
    ),
    entry(String(EXIT.interrupted), 'Stopped at once by a second Ctrl-C.'),
  ].join('\n');
}

function entry(head: string, description: string): string {
  const [first = '', ...rest] = wrapped(description, COLUMNS - INDENT);
  const lines = rest.map((line) => `${' '.repeat(INDENT)}${line}`);
  if (head.length > INDENT - 3)
    return [`  ${head}`, `${' '.repeat(INDENT)}${first}`, ...lines].join('\n');
  return [`  ${head.padEnd(INDENT - 3)} ${first}`, ...lines].join('\n');
}

const GENERAL = [entry('--help', 'Print this.'), entry('--version', 'Print the version.')];

function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
