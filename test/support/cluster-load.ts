import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';

import { ClusterHistory, floorOf, type WrittenKey } from './cluster-history.ts';
import type { ClusterRegion } from './cluster-world.ts';

/** What a client waits for an answer before it asks another node. */
const ATTEMPT_MS_MAX = 1500;
const RETRY_MS = 25;
/** Between two requests of one client: machines are shared. */
const THINK_MS = 15;
/** Of each writer, besides those that it writes once. */
const COUNTERS = 4;
const BATCH_KEYS_MAX = 100;
const FINAL_MS_MAX = 30_000;

export interface ClusterLoadOptions {
  readonly table: string;
  readonly regions: readonly ClusterRegion[];
  /** In each region. */
  readonly writers: number;
  readonly readers: number;
  /** Keys that writers of all regions put, so that they conflict; nothing is promised of which stays. */
  readonly contested: number;
  /** Between two requests of one client. */
  readonly thinkMs?: number;
}

/** One client that writes, and its successes. */
interface Writer {
  readonly region: ClusterRegion;
  readonly name: string;
  /** The first of the region's nodes that it asks. */
  readonly home: number;
  readonly counters: readonly WrittenKey[];
  lastSuccessMs: number;
  outageMs: number;
}

/**
 * Clients with the AWS SDK that write and strongly read in every region, by all of its nodes in turn. Each writer sends
 * the same write again, to the next node, until it is answered; its condition makes that safe.
 */
export class ClusterLoad {
  readonly history = new ClusterHistory();
  readonly #options: ClusterLoadOptions;
  readonly #writers: readonly Writer[];
  #failures = new Map<string, number>();
  #stopped = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: ClusterLoadOptions) {
    this.#options = options;
    this.#writers = options.regions.flatMap((region) =>
      Array.from({ length: options.writers }, (_, home): Writer => {
        const name = `${region.name}/w${home}`;
        const counters = Array.from({ length: COUNTERS }, (_each, at) =>
          this.history.open(`${name}/counter${at}`, region.name),
        );
        return { region, name, home, counters, lastSuccessMs: 0, outageMs: 0 };
      }),
    );
  }

  /** How often requests failed, by the errors' names. */
  get failures(): ReadonlyMap<string, number> {
    return this.#failures;
  }

  start(): void {
    const { regions, readers } = this.#options;
    this.#running = Promise.all([
      ...this.#writers.map(async (writer) => this.#write(writer)),
      ...regions.flatMap((region) =>
        Array.from({ length: readers }, async (_, home) => this.#read(region, home)),
      ),
    ]);
    // Awaited in `stop`.
    this.#running.catch(() => {});
  }

  /** Forgets the outages up to now, the one of the start among them. */
  mark(): void {
    const nowMs = performance.now();
    for (const writer of this.#writers) {
      writer.lastSuccessMs = nowMs;
      writer.outageMs = 0;
    }
  }

  /** Whether every writer of these regions has had a success after `timeMs`. */
  hasSucceededSince(timeMs: number): boolean {
    return this.#writers.every(({ lastSuccessMs }) => lastSuccessMs > timeMs);
  }

  /** The longest time that any client of the region was without a successful write, since `mark`. */
  outageMs(region: string): number {
    const nowMs = performance.now();
    const own = this.#writers.filter((writer) => writer.region.name === region);
    return Math.max(
      0,
      ...own.map(({ outageMs, lastSuccessMs }) =>
        this.#stopped ? outageMs : Math.max(outageMs, nowMs - lastSuccessMs),
      ),
    );
  }

  /** Resolves when no request is under way. Rejects with what went wrong in a client. */
  async stop(): Promise<void> {
    for (const writer of this.#writers) this.#succeeded(writer, 0);
    this.#stopped = true;
    await this.#running;
  }

  async #write(writer: Writer): Promise<void> {
    const { contested } = this.#options;
    for (let round = 0; !this.#stopped; round++) {
      const counter = writer.counters[round % COUNTERS];
      if (counter !== undefined) {
        await this.#writeNext(writer, counter, update);
        await this.#readOne(writer.region, writer.home + round, counter);
      }
      const fresh = this.history.open(`${writer.name}/${round}`, writer.region.name);
      await this.#writeNext(writer, fresh, putOnce);
      if (contested > 0) await this.#putContested(writer, round);
    }
  }

  /** The key's next number, to one node after the other until one answers. */
  async #writeNext(writer: Writer, key: WrittenKey, write: Write): Promise<void> {
    const number = key.acknowledged + 1;
    key.attempted = number;
    for (let tries = 0; !this.#stopped || tries === 0; tries++) {
      const client = clientAt(writer.region, writer.home + tries);
      const place = { table: this.#options.table, id: key.id };
      const outcome = await this.#ask(async () => write(client, place, number));
      if (outcome instanceof ConditionalCheckFailedException && tries === 0)
        this.history.report(`the first write of ${number} to ${key.id} was refused`);
      if (outcome === undefined || outcome instanceof ConditionalCheckFailedException) {
        this.history.acknowledge(key, number);
        if (!this.#stopped) this.#succeeded(writer, performance.now());
        return;
      }
    }
  }

  #succeeded(writer: Writer, lastSuccessMs: number): void {
    const nowMs = performance.now();
    writer.outageMs = Math.max(writer.outageMs, nowMs - writer.lastSuccessMs);
    writer.lastSuccessMs = lastSuccessMs;
  }

  async #putContested({ region, home, name }: Writer, round: number): Promise<void> {
    const { table: TableName, contested } = this.#options;
    const client = clientAt(region, home + round);
    const Item = { id: { S: `contested/${round % contested}` }, by: { S: `${name}/${round}` } };
    await this.#ask(async () => client.send(new PutItemCommand({ TableName, Item }), limited()));
  }

  async #read(region: ClusterRegion, home: number): Promise<void> {
    const counters = this.#writers
      .filter((writer) => writer.region === region)
      .flatMap((writer) => writer.counters);
    for (let round = home; !this.#stopped; round++) {
      const key = counters[round % counters.length];
      if (key !== undefined) await this.#readOne(region, round, key);
    }
  }

  async #readOne(region: ClusterRegion, at: number, key: WrittenKey): Promise<void> {
    const { table: TableName } = this.#options;
    const floor = floorOf(key);
    const command = new GetItemCommand({
      TableName,
      Key: { id: { S: key.id } },
      ConsistentRead: true,
    });
    await this.#ask(async () => {
      const { Item } = await clientAt(region, at).send(command, limited());
      this.history.read(key, Number(Item?.['n']?.N ?? 0), floor);
    });
  }

  /** Undefined when it was answered well, else the error. */
  async #ask(send: () => Promise<unknown>): Promise<Error | undefined> {
    const { thinkMs = THINK_MS } = this.#options;
    try {
      await send();
      if (thinkMs > 0) await sleep(thinkMs);
      return undefined;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (!(error instanceof ConditionalCheckFailedException)) {
        const name = 'code' in error ? String(error.code) : error.name;
        this.#failures.set(name, (this.#failures.get(name) ?? 0) + 1);
        await sleep(RETRY_MS);
      }
      return error;
    }
  }

  /** The numbers of all keys, strongly read in one region. Rejects when that takes too long. */
  async numbersIn(
    region: ClusterRegion,
    keys: readonly WrittenKey[],
  ): Promise<Map<string, number>> {
    const deadlineMs = performance.now() + FINAL_MS_MAX;
    const numbers = new Map<string, number>();
    for (let at = 0; at < keys.length; at += BATCH_KEYS_MAX) {
      let wanted = keys.slice(at, at + BATCH_KEYS_MAX).map(({ id }) => ({ id: { S: id } }));
      for (let tries = 0; wanted.length > 0; tries++) {
        const client = clientAt(region, at / BATCH_KEYS_MAX + tries);
        try {
          wanted = await this.#batch(client, wanted, numbers);
        } catch (error) {
          if (performance.now() > deadlineMs) throw error;
          await sleep(RETRY_MS);
        }
      }
    }
    return numbers;
  }

  /** Those that the answer has not. */
  async #batch(client: DynamoDBClient, keys: Keys, numbers: Map<string, number>): Promise<Keys> {
    const { table } = this.#options;
    const { Responses, UnprocessedKeys } = await client.send(
      new BatchGetItemCommand({ RequestItems: { [table]: { Keys: keys, ConsistentRead: true } } }),
      limited(),
    );
    for (const { id, n } of Responses?.[table] ?? [])
      if (id?.S !== undefined) numbers.set(id.S, Number(n?.N ?? 0));
    const left = UnprocessedKeys?.[table]?.Keys ?? [];
    return left.flatMap(({ id }) => (id?.S === undefined ? [] : [{ id: { S: id.S } }]));
  }
}

type Keys = { readonly id: { readonly S: string } }[];

/** A write that is refused when it comes late, or a second time. */
type Write = (
  client: DynamoDBClient,
  place: { readonly table: string; readonly id: string },
  number: number,
) => Promise<unknown>;

const update: Write = async (client, { table, id }, number) =>
  client.send(
    new UpdateItemCommand({
      TableName: table,
      Key: { id: { S: id } },
      UpdateExpression: 'SET n = :n',
      ConditionExpression: 'attribute_not_exists(n) OR n < :n',
      ExpressionAttributeValues: { ':n': { N: String(number) } },
    }),
    limited(),
  );

const putOnce: Write = async (client, { table, id }, number) =>
  client.send(
    new PutItemCommand({
      TableName: table,
      Item: { id: { S: id }, n: { N: String(number) }, text: { S: 'x'.repeat(200) } },
      ConditionExpression: 'attribute_not_exists(id)',
    }),
    limited(),
  );

function clientAt({ nodes }: ClusterRegion, at: number): DynamoDBClient {
  const node = nodes[at % nodes.length];
  if (node === undefined) throw new Error('a region has nodes');
  return node.client;
}

const limited = (): { readonly abortSignal: AbortSignal } => ({
  abortSignal: AbortSignal.timeout(ATTEMPT_MS_MAX),
});

async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
