import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';

import { LINK_DELAY_MS_MAX } from '../bus/link.ts';
import type { Service } from '../base/service.ts';
import type { Logger } from '../telemetry/logger.ts';
import { listen } from './listeners.ts';
import { OperationRefused } from './operation-refused.ts';
import { refusalOf } from './operations-access.ts';
import { changeTriggers, readTriggers, TriggerRequestError } from './operations-triggers.ts';
import type {
  HealthView,
  Json,
  LinkChange,
  ServedOperations,
  ZoneName,
} from './operations-target.ts';
import { ZONE_NAMES } from './operations-target.ts';

/** A change is a few words; a trigger may have ten patterns of 4096 characters. */
const BODY_BYTES_MAX = 64 * 1024;
const CONNECTIONS_MAX = 256;
const REQUEST_MS_MAX = 10_000;
/** How long a stop waits for what is being answered. */
const DRAIN_MS_MAX = 1000;

export interface OperationsServerOptions {
  readonly target: ServedOperations;
  readonly hosts: readonly string[];
  /** 0 takes a free port. */
  readonly port: number;
  /** Who presents it may change things from another machine. */
  readonly token: string | undefined;
  readonly logger: Logger;
}

/**
 * The operations port of one region: reading for anybody who reaches it, changing for this machine or with the
 * token. It outlives a stop of the region, so that the region can be started again. Answers are JSON except
 * for the metrics. `start` rejects with `PortInUseError`.
 */
export class OperationsServer implements Service {
  readonly #options: OperationsServerOptions;
  #servers: readonly Server[] = [];
  #port = 0;

  constructor(options: OperationsServerOptions) {
    this.#options = options;
  }

  /** Where it listens, once started. */
  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    const { target, hosts, port } = this.#options;
    const place = { region: target.region, what: 'operations', hosts, port };
    const listening = await listen(place, () => this.#createServer());
    this.#port = listening.port;
    this.#servers = listening.servers;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map(closeWithin));
    this.#servers = [];
  }

  #createServer(): Server {
    const server = createServer({ requestTimeout: REQUEST_MS_MAX }, (request, response) => {
      void this.#answer(request, response);
    });
    server.maxConnections = CONNECTIONS_MAX;
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { target, logger } = this.#options;
    try {
      send(response, await this.#replyTo(request));
    } catch (error) {
      if (error instanceof Refused) {
        send(response, error.reply);
        return;
      }
      if (error instanceof TriggerRequestError) {
        send(response, failed(error.status, error.message, error.details));
        return;
      }
      if (error instanceof OperationRefused) {
        send(response, failed(error.code === 'conflict' ? 409 : 404, error.message));
        return;
      }
      const gone = request.destroyed && !request.complete;
      if (gone) return;
      logger.error({ region: target.region, url: request.url, error }, 'operations request failed');
      send(response, failed(500, 'it failed; the log says why'));
    }
  }

  async #replyTo(request: IncomingMessage): Promise<Reply> {
    const path = new URL(request.url ?? '/', 'http://operations').pathname;
    const segments = path
      .split('/')
      .filter((segment) => segment !== '')
      .map(decoded);
    if (request.method === 'GET' || request.method === 'HEAD') return this.#read(segments);
    if (request.method !== 'POST') throw new Refused(405, 'only GET and POST are known here');
    const refusal = refusalOf(request, this.#options.token);
    if (refusal !== undefined) throw new Refused(refusal.status, refusal.message);
    const body = await bodyOf(request);
    return segments[0] === 'triggers' && segments.length !== 2 && segments.length <= 3
      ? this.#changeTriggers(segments.slice(1), { request, body })
      : this.#change(segments, body);
  }

  async #changeTriggers(
    words: readonly string[],
    asked: { readonly request: IncomingMessage; readonly body: string },
  ): Promise<Reply> {
    const { target, logger } = this.#options;
    const value = await changeTriggers(target.triggers(), words, asked);
    const [trigger, asks = 'create'] = words;
    logger.info({ region: target.region, trigger, asks }, 'trigger changed');
    return ok(value);
  }

  async #read(segments: readonly string[]): Promise<Reply> {
    const { target } = this.#options;
    if (segments[0] === 'triggers' && segments.length <= 2)
      return ok(await readTriggers(target.triggers(), segments[1]));
    switch (segments.join('/')) {
      case 'metrics': {
        const { contentType, text } = await target.metrics();
        return { status: 200, contentType, text };
      }
      case 'healthz':
        return healthReply(target.health());
      case 'readyz':
        return healthReply(target.readiness());
      case 'replication':
        return ok(target.replication());
      case 'status':
        return ok(target.status());
      case 'zones':
        return ok({ region: target.region, zones: target.zones() });
      case 'links':
        return ok({ region: target.region, links: target.links().map((link) => ({ ...link })) });
      default:
        throw new Refused(404, `unknown; there are ${READABLE} to read, ${CHANGEABLE} to change`);
    }
  }

  async #change(segments: readonly string[], body: string): Promise<Reply> {
    const { target, logger } = this.#options;
    const [subject, name = '', verb] = segments;
    const { region } = target;
    if (subject === 'links' && segments.length === 2) {
      const change = this.#linkChange(name, body);
      target.setLink(name, change);
      logger.info({ region, peer: name, ...change }, 'link set');
      return ok({ region, links: target.links().map((link) => ({ ...link })) });
    }
    if (subject === 'region' && segments.length === 2 && isVerb(name)) {
      await (name === 'stop' ? target.stopRegion() : target.startRegion());
      logger.info({ region, asked: name }, 'region switched');
      return ok({ region, ready: target.readiness().ok });
    }
    if (subject === 'zones' && segments.length === 3 && isVerb(verb)) {
      const zone = this.#zone(name);
      await (verb === 'stop' ? target.stopZone(zone) : target.startZone(zone));
      logger.info({ region, zone, asked: verb }, 'zone switched');
      return ok({ region, zones: target.zones() });
    }
    if (subject === 'partitions' && segments.length === 3 && verb === 'leader') {
      return this.#moveLeader(name, body);
    }
    if (subject === 'partitions' && segments.length === 3 && verb === 'split') {
      return this.#split(name, body);
    }
    if (subject === 'node' && segments.length === 2 && (name === 'drain' || name === 'undrain')) {
      await (name === 'drain' ? target.drain() : target.undrain());
      logger.info({ region, asked: name }, 'node switched');
      return ok({ region, nodes: target.status().nodes });
    }
    if (subject === 'node' && segments.length === 2 && name === 'go-on-without-missing') {
      await target.goOnWithoutMissing();
      logger.warn({ region }, 'lost streams go on without copies that are missing');
      return ok({ region, nodes: target.status().nodes });
    }
    throw new Refused(404, `unknown; there are ${CHANGEABLE} to change`);
  }

  async #moveLeader(name: string, body: string): Promise<Reply> {
    const { target, logger } = this.#options;
    const { region } = target;
    const [partition, node] = [partitionOf(name), nodeOf(body)];
    await target.moveLeader(partition, node);
    logger.info({ region, partition, node }, 'leader moved');
    return ok({
      region,
      partitions: target.status().partitions.filter(({ number }) => number === partition),
    });
  }

  /** The body is empty, or an empty object. */
  async #split(name: string, body: string): Promise<Reply> {
    const { target, logger } = this.#options;
    const { region } = target;
    const partition = partitionOf(name);
    if (body.trim() !== '') membersOf(body, [], badSplit);
    const child = await target.splitPartition(partition);
    logger.info({ region, partition, child }, 'partition split as asked');
    const both = [partition, child];
    return ok({
      region,
      child,
      partitions: target.status().partitions.filter(({ number }) => both.includes(number)),
    });
  }

  #zone(name: string): ZoneName {
    const zone = ZONE_NAMES.find((known) => known === name);
    if (zone !== undefined) return zone;
    throw new Refused(
      404,
      `no zone ${name}; ${this.#options.target.region} has ${list(ZONE_NAMES)}`,
    );
  }

  #linkChange(peer: string, body: string): LinkChange {
    const { target } = this.#options;
    const peers = target.peers();
    if (!peers.includes(peer)) {
      const known = peers.length === 0 ? 'no peers' : list(peers);
      throw new Refused(404, `no peer ${peer}; ${target.region} has ${known}`);
    }
    return linkChangeOf(body);
  }
}

const READABLE =
  '/metrics, /healthz, /readyz, /status, /replication, /zones, /links, /triggers and /triggers/<name>';
const CHANGEABLE =
  '/triggers, /triggers/<name>/update, /triggers/<name>/pause, /triggers/<name>/resume, /triggers/<name>/delete, ' +
  '/links/<peer>, /region/stop, /region/start, /zones/<zone>/stop, /zones/<zone>/start, ' +
  '/partitions/<number>/leader, /partitions/<number>/split, /node/drain, /node/undrain and /node/go-on-without-missing';

interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** An answer that ends a request early. */
class Refused extends Error {
  readonly reply: Reply;

  constructor(status: number, message: string, details: Readonly<Record<string, Json>> = {}) {
    super(message);
    this.name = 'Refused';
    this.reply = failed(status, message, details);
  }
}

const json = (status: number, value: Json): Reply => ({
  status,
  contentType: 'application/json; charset=utf-8',
  text: `${JSON.stringify(value, undefined, 2)}\n`,
});

const ok = (value: Json): Reply => json(200, value);

const failed = (
  status: number,
  message: string,
  details: Readonly<Record<string, Json>> = {},
): Reply => json(status, { error: message, ...details });

const healthReply = (view: HealthView): Reply =>
  json(view.ok ? 200 : 503, { ok: view.ok, reasons: view.reasons });

function send(response: ServerResponse, { status, contentType, text }: Reply): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    // What was not read of a body must not be taken for the next request.
    ...(status >= 400 ? { connection: 'close' } : {}),
  });
  response.end(text);
}

const isVerb = (word: string | undefined): word is 'stop' | 'start' =>
  word === 'stop' || word === 'start';

const list = (names: readonly string[]): string => names.join(', ');

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Refused(400, 'the path is not valid');
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // The connection must outlive an early end, for the answer.
  const body = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) {
      throw new Refused(413, `a body has ${BODY_BYTES_MAX} bytes at most`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const LINK_EXPECTED = [
  'a JSON object with "up", "delayMs" or both',
  '"up": true or false',
  `"delayMs": milliseconds, a number from 0 to ${LINK_DELAY_MS_MAX}`,
] as const;

/** Throws `Refused` 400 that lists what was expected. */
function linkChangeOf(body: string): LinkChange {
  const members = membersOf(body, ['up', 'delayMs'], badLink);
  const [up, delayMs] = [members.get('up'), members.get('delayMs')];
  if (up === undefined && delayMs === undefined) throw badLink('nothing to change');
  if (up !== undefined && typeof up !== 'boolean') throw badLink('"up" is neither true nor false');
  if (delayMs !== undefined && !isDelay(delayMs)) throw badLink('"delayMs" is out of range');
  return { ...(up === undefined ? {} : { up }), ...(delayMs === undefined ? {} : { delayMs }) };
}

const isDelay = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= LINK_DELAY_MS_MAX;

const badLink = (why: string): Refused => new Refused(400, why, { expected: LINK_EXPECTED });

/** Throws `Refused` 400. */
function nodeOf(body: string): ZoneName {
  const node = membersOf(body, ['node'], badNode).get('node');
  const zone = ZONE_NAMES.find((known) => known === node);
  if (zone === undefined) throw badNode('"node" names no zone');
  return zone;
}

/** Throws `Refused` 404. */
function partitionOf(name: string): number {
  if (!/^\d{1,9}$/u.test(name)) throw new Refused(404, `no partition ${name}; it is a number`);
  return Number(name);
}

const badSplit = (why: string): Refused =>
  new Refused(400, why, { expected: ['an empty JSON object'] });

const badNode = (why: string): Refused =>
  new Refused(400, why, { expected: [`a JSON object with "node": one of ${list(ZONE_NAMES)}`] });

/** The members of the JSON object that a body is. Throws what `bad` makes of anything else. */
function membersOf(
  body: string,
  known: readonly string[],
  bad: (why: string) => Refused,
): ReadonlyMap<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw bad('no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('no object');
  const members = new Map<string, unknown>(Object.entries(value));
  const unknown = [...members.keys()].filter((name) => !known.includes(name));
  if (unknown.length > 0) throw bad(`unknown members: ${list(unknown)}`);
  return members;
}

/** Stops listening, answers what is under way, and cuts what takes longer than `DRAIN_MS_MAX`. */
async function closeWithin(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS_MAX);
  await closed;
  clearTimeout(timer);
}
