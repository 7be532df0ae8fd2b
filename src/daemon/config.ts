import { z } from 'zod';

import { present } from '../base/assert.ts';
import { deepFreeze, type Frozen } from '../base/deep-freeze.ts';
import { LOG_LEVELS } from '../telemetry/logger.ts';
import type { ConfigProblem } from './config-error.ts';
import { ConfigError } from './config-error.ts';
import { nearest } from './nearest-word.ts';
import {
  override,
  overridesOf,
  variableOf,
  type ConfigMember,
  type Environment,
  type Overrides,
} from './config-environment.ts';

const RETENTION_BYTES_DEFAULT = 2 * 1024 ** 3;
const RETENTION_BYTES_MIN = 16 * 1024 ** 2;
const REGION_NAME = /^[a-z][a-z0-9-]{0,61}[a-z0-9]$/u;
const PORT_MAX = 65_535;
const PARTITIONS_MAX = 256;
/** As DynamoDB's own partitions. */
const SPLIT_BYTES_DEFAULT = 10 * 1024 ** 3;
const SPLIT_RECORDS_DEFAULT = 5000;
const SPLIT_PARTITIONS_DEFAULT = 64;
const STATUS_MS_MAX = 60_000;
const HOURS_MAX = 24 * 365;
const SHARD_HOURS_MAX = 24;
const CLOCK_OFFSET_MS_MAX = 24 * 3_600_000;
const EXPIRY_DELAY_MS_MAX = 7 * 24 * 3_600_000;
const EXPIRED_PER_SECOND_MAX = 100_000;
const MINUTES_MAX = 24 * 60;
/** No user and no password in it: they have settings of their own, which are never shown. */
const NATS_SERVER = /^(?:nats|tls):\/\/(?:[\w.-]+|\[[\da-fA-F:]+\])(?::\d{1,5})?$/u;
const NKEY_SEED = /^SU[A-Z2-7]{56}$/u;

const port = (): z.ZodInt => z.int().min(0).max(PORT_MAX);
const text = (): z.ZodString => z.string().min(1);
const hosts = (): z.ZodArray<z.ZodString> => z.array(text()).min(1);

const PORT_EXPECTED = `a whole number from 0 to ${PORT_MAX}; 0 takes a free port`;
const HOSTS_EXPECTED = 'a list of addresses or host names, at least one';
const FLAG_EXPECTED = 'true or false';

const bounded = ({ min, max, usual }: Readonly<Record<'min' | 'max' | 'usual', number>>) =>
  z
    .int()
    .min(min)
    .max(max)
    .default(usual)
    .meta({ expected: `a whole number from ${min} to ${max}` });

const zone = (name: 'a' | 'b' | 'c') =>
  z
    .strictObject({
      directory: text()
        .default(`zone-${name}`)
        .meta({
          description: `Where zone ${name} keeps its log and its store; below the data directory of the region unless it is absolute. On a real disk of its own, a zone survives the loss of the others.`,
          expected: 'a path',
        }),
    })
    .prefault({});

const natsServers = () => z.array(z.string().regex(NATS_SERVER)).min(1);
const nkeySeed = () => z.string().regex(NKEY_SEED);

/** The NATS of a peer; of the region's own, every member has a description too. */
const peer = () =>
  z.strictObject({
    nats: z
      .strictObject({
        servers: natsServers(),
        user: text().optional(),
        password: text().optional(),
        nkeySeed: nkeySeed().optional(),
        tls: z
          .strictObject({ ca: text().optional(), cert: text().optional(), key: text().optional() })
          .optional(),
      })
      .optional(),
  });

const nats = () =>
  z.strictObject({
    servers: natsServers().meta({
      description:
        'The NATS of this region, a system of its own: one server, or those of a cluster, and no other ones are used. This region is asked there by its peers, which have to name it in their files. Without it there are no peers but those in the same process. Required where anything of nats is set. Where TLS is used, servers are called by the names that their certificates hold.',
      expected:
        'a list of addresses such as nats://127.0.0.1:4001 or tls://nats.example:4222, at least one, without user and password',
    }),
    monitor: z
      .array(z.url({ protocol: /^https?$/u }))
      .min(1)
      .optional()
      .meta({
        description:
          'Where the monitoring of each server of that NATS is read, which alone tells whether a server syncs what it acknowledges. Needed where node is set.',
        expected: 'a list of addresses such as http://127.0.0.1:5001, one for each server',
      }),
    user: text().optional().meta({
      description: 'As whom the daemon connects, where the servers know users.',
      expected: "a user's name",
    }),
    password: text().optional().meta({
      description: 'The password of that user. Better set by the environment than in a file.',
      expected: 'text',
      secret: true,
    }),
    nkeySeed: nkeySeed().optional().meta({
      description:
        'The seed of the nkey with which the daemon connects, where the servers know nkeys. Better set by the environment than in a file.',
      expected: "a user's seed: SU and 56 more capital letters and digits",
      secret: true,
    }),
    tls: z
      .strictObject({
        ca: text().optional().meta({
          description:
            "The certificates by which the servers' are checked. With any setting of nats.tls, even nats.tls: {}, nothing but TLS will do.",
          expected: 'the path of a PEM file',
        }),
        cert: text().optional().meta({
          description: "The daemon's own certificate, where the servers ask for one.",
          expected: 'the path of a PEM file',
        }),
        key: text().optional().meta({
          description: 'The key of that certificate.',
          expected: 'the path of a PEM file',
        }),
      })
      .optional(),
  });

const node = () =>
  z.strictObject({
    zone: z.enum(['a', 'b', 'c']).meta({
      description:
        "Which zone of its region this daemon runs, as one of three that share the region; their logs are streams of the region's NATS. Needs nats. Without it, the daemon runs all three zones by itself.",
      expected: 'a, b or c',
    }),
  });

/** The one schema of a region's configuration: file, environment, `--help` and docs derive from it. */
const SETTINGS = z.strictObject({
  region: z.string().regex(REGION_NAME).meta({
    description: 'The name of the region, as clients and peers know it.',
    expected: 'a name such as us-east-1: lower-case letters, digits and hyphens, 2 to 63 of them',
  }),
  accountId: z
    .string()
    .regex(/^\d{12}$/u)
    .default('000000000000')
    .meta({
      description: 'The account that stands in every ARN.',
      expected: '12 digits, in quotes',
    }),
  endpoint: z.strictObject({
    hosts: hosts().default(['127.0.0.1', '::1']).meta({
      description:
        'Where clients of DynamoDB connect. An address that this machine does not have is left out, as long as one remains.',
      expected: HOSTS_EXPECTED,
    }),
    port: port().meta({
      description: 'The port of the DynamoDB endpoint.',
      expected: PORT_EXPECTED,
    }),
  }),
  operations: z.strictObject({
    hosts: hosts().default(['127.0.0.1', '::1']).meta({
      description:
        'Where metrics, health and status are read, and links, zones and the region are switched.',
      expected: HOSTS_EXPECTED,
    }),
    port: port().meta({ description: 'The port for operations.', expected: PORT_EXPECTED }),
    token: z.string().min(16).optional().meta({
      description:
        'Who presents it, as "authorization: Bearer ...", may change things from another machine. Without one, only this machine may. Better set by the environment than in a file.',
      expected: '16 characters at least',
      secret: true,
    }),
  }),
  partitions: z
    .int()
    .min(1)
    .max(PARTITIONS_MAX)
    .default(4)
    .meta({
      description:
        'Into how many partitions the region divides its tables at first; see split. Fixed once the region has data.',
      expected: `a whole number from 1 to ${PARTITIONS_MAX}`,
    }),
  zones: z.strictObject({ a: zone('a'), b: zone('b'), c: zone('c') }).prefault({}),
  durability: z.enum(['synced', 'relaxed']).default('synced').meta({
    description:
      'synced: a write is answered once it is synced to disk in two zones. relaxed: nothing is synced, and a power cut loses writes that were answered.',
    expected: 'synced or relaxed',
  }),
  statusMs: z
    .int()
    .min(0)
    .max(STATUS_MS_MAX)
    .default(50)
    .meta({
      description:
        'How long each status of a table or a replica lasts at least, so that who polls sees it.',
      unit: 'milliseconds',
      expected: `a whole number from 0 to ${STATUS_MS_MAX}`,
    }),
  credentials: z
    .array(z.strictObject({ accessKeyId: text(), secretAccessKey: text() }))
    .default([])
    .meta({
      description:
        'Whose signatures are accepted. When the list is empty any credentials do, and signatures are not verified.',
      expected: 'a list of {accessKeyId, secretAccessKey}',
      secret: true,
    }),
  checkRegionScope: z.boolean().default(true).meta({
    description:
      "Whether a request that is signed for another region is refused, as AWS does. It tells a client's wrong endpoint.",
    expected: FLAG_EXPECTED,
  }),
  nats: nats().optional(),
  node: node().optional(),
  peers: z.record(z.string().regex(REGION_NAME), peer()).optional().meta({
    description:
      'The regions that this one may share global tables with, by name, each with its NATS: the settings of nats, as the peer has them, with credentials that the peer gives to this region. Without it, every other region of the lab.',
    expected:
      'region names, each with {} or, where this region has nats, {nats: {servers, user, password, nkeySeed, tls}}',
    secret: true,
  }),
  retention: z
    .strictObject({
      hours: z
        .number()
        .positive()
        .max(HOURS_MAX)
        .default(24)
        .meta({
          description:
            'How long the log keeps records for a peer that cannot be reached. A peer that is away for longer is brought up by a resync.',
          unit: 'hours',
          expected: `a number above 0, up to ${HOURS_MAX}`,
        }),
      bytes: z
        .int()
        .min(RETENTION_BYTES_MIN)
        .default(RETENTION_BYTES_DEFAULT)
        .meta({
          description:
            'How much log each zone keeps for such a peer; what comes first, hours or bytes, counts.',
          unit: 'bytes',
          expected: `a whole number, ${RETENTION_BYTES_MIN} at least`,
        }),
    })
    .prefault({}),
  streams: z
    .strictObject({
      hours: z
        .number()
        .positive()
        .max(HOURS_MAX)
        .default(24)
        .meta({
          description:
            'How long DynamoDB Streams tell of a write, and how long the log is kept for that while a table has a stream, within retention.bytes. A global table always has one.',
          unit: 'hours',
          expected: `a number above 0, up to ${HOURS_MAX}`,
        }),
      shardHours: z
        .number()
        .positive()
        .max(SHARD_HOURS_MAX)
        .default(4)
        .meta({
          description:
            "After how long the shards of DynamoDB Streams are followed by new ones, as AWS's are about every four hours. Of streams that are enabled from now on.",
          unit: 'hours',
          expected: `a number above 0, up to ${SHARD_HOURS_MAX}`,
        }),
    })
    .prefault({}),
  split: z
    .strictObject({
      bytes: z.int().min(0).default(SPLIT_BYTES_DEFAULT).meta({
        description:
          'A partition whose items take more than this is split in two, where that divides them. 0 is never.',
        unit: 'bytes',
        expected: 'a whole number; 0 is never',
      }),
      recordsPerSecond: z.int().min(0).default(SPLIT_RECORDS_DEFAULT).meta({
        description:
          'A partition that takes more writes than this, for a minute, is split in two, where that divides them: not for one item, nor for one partition key. 0 is never.',
        unit: 'records per second',
        expected: 'a whole number; 0 is never',
      }),
      partitions: z
        .int()
        .min(1)
        .max(PARTITIONS_MAX)
        .default(SPLIT_PARTITIONS_DEFAULT)
        .meta({
          description: 'A region with so many partitions splits none, asked or not.',
          expected: `a whole number from 1 to ${PARTITIONS_MAX}`,
        }),
    })
    .prefault({}),
  globalTables: z
    .strictObject({
      sourceRegionRule24h: z.boolean().default(false).meta({
        description:
          "AWS's rule that a region cannot be removed from a global table within 24 hours when it was used to create a replica.",
        expected: FLAG_EXPECTED,
      }),
      requireAutoScaling: z.boolean().default(false).meta({
        description:
          "AWS's rule that a table with provisioned capacity needs auto scaling of writes before it gets replicas.",
        expected: FLAG_EXPECTED,
      }),
    })
    .prefault({}),
  timeToLive: z
    .strictObject({
      delayMs: bounded({ min: 0, max: EXPIRY_DELAY_MS_MAX, usual: 0 }).meta({
        description:
          'How long after its time to live is over an item stays at least. AWS takes up to some days.',
        unit: 'milliseconds',
      }),
      itemsPerSecond: bounded({ min: 1, max: EXPIRED_PER_SECOND_MAX, usual: 1500 }).meta({
        description:
          'How many expired items are removed in a second at the most, in all tables together; of a region of three nodes, by all of them together.',
        unit: 'items per second',
      }),
      changePauseMinutes: bounded({ min: 0, max: MINUTES_MAX, usual: 0 }).meta({
        description:
          "AWS's rule that a table's time to live cannot be changed again for a while: an hour by its documentation, 31 minutes as measured. 0 lifts it.",
        unit: 'minutes',
      }),
    })
    .prefault({}),
  clock: z
    .strictObject({
      offsetMs: z
        .int()
        .min(-CLOCK_OFFSET_MS_MAX)
        .max(CLOCK_OFFSET_MS_MAX)
        .default(0)
        .meta({
          description:
            "By how much this region's clock is set ahead of the machine's, to try out skew.",
          unit: 'milliseconds',
          expected: `a whole number from -${CLOCK_OFFSET_MS_MAX} to ${CLOCK_OFFSET_MS_MAX}`,
        }),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(LOG_LEVELS)
        .default('info')
        .meta({
          description: 'Which lines of the log are written: those of this level and above.',
          expected: `one of ${LOG_LEVELS.join(', ')}`,
        }),
    })
    .prefault({}),
});

const SCHEMA = SETTINGS.superRefine((config, context) => {
  const refuse = (path: readonly string[], message: string): void => {
    context.addIssue({ code: 'custom', path: [...path], message });
  };
  if (config.nats === undefined) {
    if (config.node !== undefined) refuse(['node'], 'node needs nats.servers; it is missing');
    for (const [name, { nats: ofPeer }] of Object.entries(config.peers ?? {}))
      if (ofPeer !== undefined)
        refuse(['peers', name, 'nats'], "it needs this region's own nats.servers; it is missing");
  }
  const accesses = [
    { path: ['nats'], access: config.nats },
    ...Object.entries(config.peers ?? {}).map(([name, { nats: access }]) => ({
      path: ['peers', name, 'nats'],
      access,
    })),
  ];
  for (const { path, access } of accesses) {
    if (access === undefined) continue;
    if (access.password !== undefined && access.user === undefined)
      refuse([...path, 'password'], 'it needs a user; none is set');
    if ((access.tls?.cert === undefined) !== (access.tls?.key === undefined))
      refuse([...path, 'tls'], 'cert and key need each other; one is missing');
  }
});

/** One region's configuration, complete and frozen. */
export type RegionConfig = Frozen<z.infer<typeof SCHEMA>>;

/** What was read from a file, before it is checked. */
export interface ConfigSource {
  /** The file's name, for errors. */
  readonly name: string;
  readonly value: unknown;
  /** The line, from 1, that sets the member or the nearest one above it. */
  readonly lineOf: (path: readonly string[]) => number | undefined;
}

/**
 * A region's configuration from its file, with what the environment overrides (`TIDEMARK_ENDPOINT_PORT`; lists
 * of names by commas, other lists and objects as JSON). Throws `ConfigError` with everything that is wrong.
 */
export function readConfig(source: ConfigSource, environment: Environment): RegionConfig {
  const overrides = overridesOf(environment, configMembers);
  const input = override(source.value, overrides);
  const result = SCHEMA.safeParse(input);
  if (result.success) return deepFreeze(result.data);
  const place = { source, input, overrides };
  throw new ConfigError(result.error.issues.flatMap((issue) => problemsOf(issue, place)));
}

/** Every setting, in the order of the files. */
export const configMembers: readonly ConfigMember[] = membersOf(SETTINGS, []);

function membersOf(
  schema: z.core.$ZodType,
  path: readonly string[],
  withinRequired = true,
): ConfigMember[] {
  const { inner, defaultValue, required } = unwrap(schema);
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape).flatMap(([name, member]) =>
      membersOf(member, [...path, name], withinRequired && required),
    );
  }
  const meta = present(z.globalRegistry.get(schema), `meta of ${path.join('.')}`);
  const unit = meta['unit'];
  return [
    {
      path,
      variable: variableOf(path),
      description: String(meta.description),
      unit: typeof unit === 'string' ? unit : undefined,
      expected: String(meta['expected']),
      defaultValue,
      required: withinRequired && required,
      secret: meta['secret'] === true,
      shape: shapeOf(inner),
    },
  ];
}

function unwrap(schema: z.core.$ZodType): {
  readonly inner: z.core.$ZodType;
  readonly defaultValue: unknown;
  readonly required: boolean;
} {
  if (schema instanceof z.ZodDefault) {
    return { inner: schema.unwrap(), defaultValue: schema.def.defaultValue, required: false };
  }
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return { inner: schema.unwrap(), defaultValue: undefined, required: false };
  }
  return { inner: schema, defaultValue: undefined, required: true };
}

function shapeOf(schema: z.core.$ZodType): ConfigMember['shape'] {
  if (schema instanceof z.ZodBoolean) return 'flag';
  if (schema instanceof z.ZodNumber) return 'number';
  if (schema instanceof z.ZodRecord) return 'object';
  if (!(schema instanceof z.ZodArray)) return 'text';
  // A URL is text too, and a class of its own.
  const { element } = schema;
  return element instanceof z.ZodString || element instanceof z.ZodURL ? 'list' : 'object';
}

/** `['globalTables', 'sourceRegionRule24h']` is `TIDEMARK_GLOBAL_TABLES_SOURCE_REGION_RULE24H`. */
interface Place {
  readonly source: ConfigSource;
  readonly input: unknown;
  readonly overrides: Overrides;
}

function problemsOf(issue: z.core.$ZodIssue, place: Place): ConfigProblem[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => problemAt(place, [...path, key], unknownKey(path, key)));
  }
  if (issue.code === 'custom') return [problemAt(place, path, issue.message)];
  const member = memberAt(path);
  const value = valueAt(place.input, path);
  const found = value === undefined ? 'it is missing' : `found ${shown(value, member)}`;
  const expected =
    member?.expected ??
    (path.length === 0 ? 'settings by name' : 'an object with settings by name');
  return [problemAt(place, path, `expected ${expected}; ${found}`)];
}

function problemAt(place: Place, path: readonly string[], message: string): ConfigProblem {
  const member = memberAt(path);
  const overridden = member !== undefined && place.overrides.has(member);
  return {
    source: overridden ? `environment variable ${member.variable}` : place.source.name,
    line: overridden ? undefined : place.source.lineOf(path),
    path: path.join('.'),
    message,
  };
}

/** The setting that a path leads to or into. */
const memberAt = (path: readonly string[]): ConfigMember | undefined =>
  configMembers.find((member) => member.path.every((name, at) => path[at] === name));

function unknownKey(parent: readonly string[], key: string): string {
  const inside = memberAt(parent);
  if (inside !== undefined) return `is not known there; expected ${inside.expected}`;
  const known = configMembers
    .filter((member) => parent.every((name, at) => member.path[at] === name))
    .map((member) => present(member.path[parent.length], 'a name below its parent'));
  const names = [...new Set(known)];
  const suggestion = nearest(key, names);
  const help = suggestion === undefined ? `known are ${names.join(', ')}` : `is it ${suggestion}?`;
  return `is no setting; ${help}`;
}

function shown(value: unknown, member: ConfigMember | undefined): string {
  if (member?.secret === true) return 'something else';
  return JSON.stringify(value).replaceAll(/\/\/[^/"]*@/gu, '//...@');
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an array is read by its indexes
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}
