/** The oldest server whose JetStream keeps a log. */
const VERSION_MIN = '2.14.5';
const PAYLOAD_BYTES_MIN = 8 * 1024 * 1024;

/** A server's monitoring pages, by path. Rejects with an error in words. */
export type ReadMonitor = (address: string, path: string) => Promise<unknown>;

export interface RequirementsOptions {
  /** `http://host:port` of the monitoring of each server of the region's NATS. */
  readonly monitors: readonly string[];
  readonly readMonitor: ReadMonitor;
  /** The id of the server that the region is connected with: it must be one of those. */
  readonly connectedTo: string | undefined;
}

/** What a region's NATS is, and what it lacks. */
export interface FoundNats {
  /** In sentences that say what to set. With any of them, nothing may be kept there. */
  readonly problems: readonly string[];
  /** Servers that did not answer while most did: to be looked at again. In sentences. */
  readonly unseen: readonly string[];
  /** How many copies of a stream it can keep. */
  readonly replicas: 1 | 3;
}

interface Server {
  readonly address: string;
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly payloadBytesMax: number;
  readonly hasJetStream: boolean;
  readonly syncsAlways: boolean;
  /** Of the cluster that it is in; 1 when it is alone. */
  readonly clusterSize: number;
}

/**
 * Looks at every server of a region's NATS: without `sync_interval: always` it acknowledges what a power cut takes away,
 * and no client can see that but in the monitoring. Never rejects.
 */
export async function lookAtNats(options: RequirementsOptions): Promise<FoundNats> {
  const { monitors, readMonitor, connectedTo } = options;
  if (monitors.length === 0)
    return {
      problems: [
        "nats.monitor is not set: whether the NATS servers sync what they acknowledge can be seen there alone. Set `http: 127.0.0.1:5001` in each server's configuration, and nats.monitor to all of their addresses, such as http://127.0.0.1:5001",
      ],
      unseen: [],
      replicas: 1,
    };
  const servers: Server[] = [];
  const unseen: string[] = [];
  await Promise.all(
    monitors.map(async (address) => {
      try {
        servers.push(await lookAt(address, readMonitor));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        unseen.push(
          `the monitoring of a NATS server cannot be read at ${address} (nats.monitor): ${why}`,
        );
      }
    }),
  );
  const size = Math.max(1, ...servers.map(({ clusterSize }) => clusterSize));
  const isMost = servers.length > size / 2 && servers.length >= monitors.length / 2;
  const problems = [
    ...(isMost ? [] : unseen),
    ...servers.flatMap((server) => lacking(server)),
    ...ofAll(servers, { monitors, size }),
    ...ofConnection(servers, { connectedTo, hasUnseen: unseen.length > 0 }),
  ];
  return { problems, unseen: isMost ? unseen : [], replicas: size >= 3 ? 3 : 1 };
}

function lacking({ name, address, ...server }: Server): readonly string[] {
  const who = `the NATS server ${name} (${address})`;
  const found: string[] = [];
  if (isOlder(server.version, VERSION_MIN))
    found.push(`${who} is nats-server ${server.version}; ${VERSION_MIN} or later is needed`);
  if (!server.hasJetStream)
    found.push(
      `${who} has no JetStream: set \`jetstream { store_dir: "/a/folder", sync_interval: always }\` in its configuration`,
    );
  else if (!server.syncsAlways)
    found.push(
      `${who} acknowledges before it syncs: set \`sync_interval: always\` in \`jetstream { }\` of its configuration`,
    );
  if (server.payloadBytesMax < PAYLOAD_BYTES_MIN)
    found.push(
      `${who} takes messages of ${server.payloadBytesMax} bytes: set \`max_payload: 8MB\` in its configuration`,
    );
  return found;
}

function ofAll(
  servers: readonly Server[],
  { monitors, size }: { readonly monitors: readonly string[]; readonly size: number },
): readonly string[] {
  const found: string[] = [];
  if (size === 2) found.push("the region's NATS has two servers: one or three are needed");
  const seen = new Set(servers.map(({ id }) => id));
  if (seen.size < servers.length)
    found.push('nats.monitor names a server twice: name each server of the cluster once');
  if (monitors.length < size)
    found.push(
      `the region's NATS has ${size} servers and nats.monitor names ${monitors.length}: name each of them`,
    );
  if (servers.length > 1 && servers.some(({ clusterSize }) => clusterSize === 1))
    found.push('nats.monitor names servers that are not of one cluster');
  return found;
}

function ofConnection(
  servers: readonly Server[],
  {
    connectedTo,
    hasUnseen,
  }: { readonly connectedTo: string | undefined; readonly hasUnseen: boolean },
): readonly string[] {
  const isThere = connectedTo === undefined || servers.some(({ id }) => id === connectedTo);
  if (isThere || hasUnseen) return [];
  return ['nats.monitor does not name the servers of nats.servers: those have other ids'];
}

async function lookAt(address: string, readMonitor: ReadMonitor): Promise<Server> {
  const general = objectOf(await readMonitor(address, '/varz'));
  const jetStream = objectOf(await readMonitor(address, '/jsz?config=true'));
  const config = objectOf(jetStream['config']);
  const { version, server_id: id } = general;
  if (typeof version !== 'string' || typeof id !== 'string')
    throw new Error('what answers there is no monitoring of a NATS server');
  const { server_name: name, max_payload: payloadBytesMax } = general;
  const { cluster_size: clusterSize } = objectOf(jetStream['meta_cluster']);
  return {
    address,
    id,
    version,
    name: typeof name === 'string' ? name : id,
    payloadBytesMax: typeof payloadBytesMax === 'number' ? payloadBytesMax : 0,
    hasJetStream: typeof config['store_dir'] === 'string' && config['store_dir'] !== '',
    syncsAlways: config['sync_always'] === true,
    clusterSize: typeof clusterSize === 'number' ? clusterSize : 1,
  };
}

const objectOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};

/** By the three numbers; what is before a release counts as older than it. */
function isOlder(version: string, than: string): boolean {
  const [release = '', before] = version.split('-', 2);
  const [ours, theirs] = [release, than].map((text) => text.split('.').map(Number));
  for (const at of [0, 1, 2]) {
    const difference = (ours?.[at] ?? 0) - (theirs?.[at] ?? 0);
    if (Number.isNaN(difference) || difference < 0) return true;
    if (difference > 0) return false;
  }
  return before !== undefined;
}
