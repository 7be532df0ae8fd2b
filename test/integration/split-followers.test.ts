import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import {
  CreateTableCommand,
  PutItemCommand,
  UpdateItemCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { DescribeStreamCommand, type Shard } from '@aws-sdk/client-dynamodb-streams';
import { expect, onTestFinished, test } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { LabProcess, type LabProcessRegion } from '../support/lab-process.ts';
import {
  latestStreamArn,
  StreamConsumer,
  streamsClientAt,
  type Checkpoint,
} from '../support/stream-consumer.ts';
import { US } from '../support/test-lab.ts';
import { tidemark } from '../support/tidemark-command.ts';
import { until } from '../support/until.ts';

const TABLE = 'orders';
const WRITERS = 4;
const ITEMS_PER_WRITER = 6;
/** That each writer adds to what it has written before the next thing is done. */
const WRITES_PER_STEP = 12;

/** As it would be deployed to Lambda. */
const HANDLER = `
import { appendFileSync } from 'node:fs';

export const handler = async (event) => {
  const lines = event.Records.map(({ dynamodb }) =>
    JSON.stringify({ id: dynamodb.Keys.id.S, n: Number(dynamodb.NewImage.n.N) }) + '\\n');
  appendFileSync(new URL('seen.jsonl', import.meta.url), lines.join(''));
};
`;

/** After a write that failed. */
const AGAIN_MS = 20;
/** Between two looks of the consumer: short, so that some fall into a split. */
const PAUSE_MS = 1;

const pause = async (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

interface Seen {
  readonly id: string;
  readonly n: number;
}

/** Writes its own items again and again, one write after the other, each with the next number; bears what fails. */
class Writer {
  readonly answered: Seen[] = [];
  /** With those of which no answer came, which may have happened or not. */
  readonly sent: Seen[] = [];
  readonly #region: LabProcessRegion;
  readonly #name: string;
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(region: LabProcessRegion, name: string) {
    this.#region = region;
    this.#name = name;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    for (let n = 0; !this.#isOver; n += 1) {
      const write = { id: `${this.#name} ${n % ITEMS_PER_WRITER}`, n };
      this.sent.push(write);
      try {
        await this.#write(write);
        this.answered.push(write);
      } catch {
        await pause(AGAIN_MS);
      }
    }
  }

  async #write({ id, n }: Seen): Promise<void> {
    const { client } = this.#region;
    const [TableName, number] = [TABLE, { N: String(n) }];
    if (n % 3 > 0) {
      await client.send(new PutItemCommand({ TableName, Item: { id: { S: id }, n: number } }));
      return;
    }
    await client.send(
      new UpdateItemCommand({
        TableName,
        Key: { id: { S: id } },
        UpdateExpression: 'SET n = :n',
        ExpressionAttributeValues: { ':n': number },
      }),
    );
  }

  async writesMore(count = WRITES_PER_STEP): Promise<void> {
    const enough = this.answered.length + count;
    await until(`more writes of ${this.#name}`, () => this.answered.length >= enough);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }
}

/** A consumer in a loop, as a new process that goes on from what an earlier one has saved. */
class Follower {
  readonly consumer: StreamConsumer;
  #isOver = false;
  readonly #running: Promise<void>;

  constructor({ endpoint, name }: LabProcessRegion, arn: string, from?: Checkpoint) {
    const client = streamsClientAt(endpoint, name);
    this.consumer = new StreamConsumer(arn, () => client, from);
    this.#running = this.#run().finally(() => {
      client.destroy();
    });
    // It is told of by `end`.
    this.#running.catch(() => undefined);
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await this.consumer.catchUp(25);
      await pause(PAUSE_MS);
    }
  }

  async end(): Promise<StreamConsumer> {
    this.#isOver = true;
    await this.#running;
    return this.consumer;
  }
}

async function createTable({ client }: LabProcessRegion): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );
  await waitUntilTableExists(
    { client, maxWaitTime: 30, minDelay: 0.05, maxDelay: 0.2 },
    { TableName: TABLE },
  );
}

async function createTrigger(region: LabProcessRegion, file: string): Promise<void> {
  await writeFile(file, HANDLER);
  const to = ['--to', `module:${file}`, '--operations', region.operationsEndpoint];
  const how = ['--batch-size=20', '--parallelization-factor=2'];
  const made = await tidemark('trigger', 'create', '--table', TABLE, ...to, ...how);
  expect(made).toMatchObject({ code: 0, errors: '' });
}

async function splitPartition(region: LabProcessRegion, partition: number): Promise<void> {
  const address = `${region.operationsEndpoint}/partitions/${partition}/split`;
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(address, { method: 'POST', headers, body: '{}' });
  const text = await response.text();
  if (!response.ok) throw new Error(`${address}: ${response.status} ${text}`);
}

async function shardsOf({ endpoint, name }: LabProcessRegion, arn: string): Promise<Shard[]> {
  const client = streamsClientAt(endpoint, name);
  try {
    const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamArn: arn }));
    return StreamDescription?.Shards ?? [];
  } finally {
    client.destroy();
  }
}

const isClosed = ({ SequenceNumberRange: range }: Shard): boolean =>
  range?.EndingSequenceNumber !== undefined;

/** A split has closed one shard that was open, and that one has two open children, and nothing else has changed. */
function expectSplit(before: readonly Shard[], after: readonly Shard[]): void {
  const known = new Set(before.map(({ ShardId }) => ShardId));
  const open = new Set(before.filter((shard) => !isClosed(shard)).map(({ ShardId }) => ShardId));
  const closed = after.filter((shard) => open.has(shard.ShardId) && isClosed(shard));
  expect(closed).toHaveLength(1);
  const parent = present(closed[0], 'the parent');
  const children = after.filter(({ ShardId }) => !known.has(ShardId));
  expect(children.map(({ ParentShardId }) => ParentShardId)).toEqual([
    parent.ShardId,
    parent.ShardId,
  ]);
  for (const child of children) {
    expect(isClosed(child)).toBe(false);
    expect(BigInt(child.SequenceNumberRange?.StartingSequenceNumber ?? 0)).toBeGreaterThan(
      BigInt(parent.SequenceNumberRange?.EndingSequenceNumber ?? 0),
    );
  }
  expect(after.length).toBe(before.length + 2);
}

async function handled(file: string): Promise<readonly Seen[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  // What a kill has torn is no line.
  const lines = text.split('\n').filter((line) => line.endsWith('}') && line.startsWith('{'));
  return lines.map((line): Seen => JSON.parse(line));
}

function byItem(all: readonly Seen[]): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  for (const { id, n } of all) {
    const numbers = found.get(id);
    if (numbers === undefined) found.set(id, [n]);
    else numbers.push(n);
  }
  return found;
}

/** What the consumer was told: each write that was answered once, none that was not sent, each where the one before left off. */
function expectOnce(consumers: readonly StreamConsumer[], writers: readonly Writer[]): Seen[] {
  const standing = new Map<string, string | undefined>();
  const told = consumers.flatMap(({ records }) =>
    records.map(({ dynamodb }): Seen => {
      const id = dynamodb?.Keys?.['id']?.S ?? '';
      expect(dynamodb?.OldImage?.['n']?.N).toBe(standing.get(id));
      standing.set(id, dynamodb?.NewImage?.['n']?.N);
      return { id, n: Number(dynamodb?.NewImage?.['n']?.N) };
    }),
  );
  const [toldOf, answeredOf, sentOf] = [
    byItem(told),
    byItem(writers.flatMap(({ answered }) => answered)),
    byItem(writers.flatMap(({ sent }) => sent)),
  ];
  for (const [id, sent] of sentOf) {
    const numbers = toldOf.get(id) ?? [];
    const answered = new Set(answeredOf.get(id));
    const isTold = new Set(numbers);
    expect([...answered].filter((n) => !isTold.has(n))).toEqual([]);
    // In order and once each: those of all that were sent, without what has not happened.
    expect(numbers).toEqual(sent.filter((n) => isTold.has(n)));
  }
  return told;
}

/** What comes again comes from a little before, never from further on. */
function expectAtLeastOnce(all: readonly Seen[], told: readonly Seen[]): void {
  const found = byItem(all);
  for (const [id, expected] of byItem(told)) {
    let last = -1;
    for (const n of found.get(id) ?? []) {
      const place = expected.indexOf(n);
      expect(place).toBeGreaterThanOrEqual(0);
      expect(place).toBeLessThanOrEqual(last + 1);
      last = Math.max(last, place);
    }
    expect(last).toBe(expected.length - 1);
  }
}

test('a handler file and a consumer of the SDK follow a table through splits, a restart and a kill: nothing is missing, nothing comes before its time', async () => {
  const lab = await LabProcess.start([US], { partitions: 2 });
  const region = lab.region(US);
  await createTable(region);
  const arn = await latestStreamArn(region, TABLE);
  await createTrigger(region, join(lab.folder, 'handler.mjs'));
  const names = Array.from({ length: WRITERS }, (_, at) => `writer ${at}`);
  const writers = names.map((name) => new Writer(region, name));
  const endWriters = async (): Promise<void> => {
    await Promise.all(writers.map(async (writer) => writer.end()));
  };
  onTestFinished(endWriters);
  const writesMore = async (): Promise<void> => {
    await Promise.all(writers.map(async (writer) => writer.writesMore()));
  };
  const consumers: StreamConsumer[] = [];
  const followSplits = async (...partitions: readonly number[]): Promise<void> => {
    const follower = new Follower(region, arn, consumers.at(-1));
    await writesMore();
    for (const partition of partitions) {
      const before = await shardsOf(region, arn);
      await splitPartition(region, partition);
      expectSplit(before, await shardsOf(region, arn));
      await writesMore();
    }
    consumers.push(await follower.end());
  };
  await followSplits(0, 1);
  await lab.end('SIGINT');
  await lab.start();
  await followSplits(2);
  await lab.end('SIGKILL');
  await lab.start();
  await followSplits(0, 3);
  await endWriters();
  await consumers.at(-1)?.catchUp();

  const told = expectOnce(consumers, writers);
  const seen = join(lab.folder, 'seen.jsonl');
  await until('everything to be handled', async () => {
    const numbers = new Set((await handled(seen)).map(({ id, n }) => `${id} ${n}`));
    return numbers.size >= told.length;
  });
  expectAtLeastOnce(await handled(seen), told);
  // One who comes late is told the same, from the shards of seven partitions.
  const client = streamsClientAt(region.endpoint, region.name);
  const late = new StreamConsumer(arn, () => client);
  await late.catchUp();
  client.destroy();
  expect(expectOnce([late], writers)).toHaveLength(told.length);
});
