import { present } from '../../../src/base/assert.ts';
import type { Table } from '../../../src/model/table.ts';
import { checkTableStream, tellsAll } from '../checkers/table-stream-checks.ts';
import { keyBytes, valueOf } from '../client-item.ts';
import { EXPIRING } from '../expiring-table.ts';
import { keyText } from '../truth.ts';
import { MAIN } from './stream-client.ts';
import type { StoredRecord } from './stream-truth.ts';
import type { StreamWorld } from './stream-world.ts';

/** How long after everything is healed an item may stand whose end has come. */
const patienceMs = 30_000;
const lookMs = 500;

/** Faults under which a node's clock may be ahead of what ends were counted from, by how much nobody knows. */
const CLOCK_FAULTS = ['clock jump', 'clock drift'] as const;

/**
 * In a world at rest each key soon holds the latest write unless that has ended; nothing was ended that had no end, or before its time
 * by any node's clock; and the streams of both tables, folded, are the tables.
 */
export async function checkStreamExpiry(world: StreamWorld): Promise<void> {
  const { number } = tableOf(world, EXPIRING);
  const endMs = world.clock.monotonicMs() + patienceMs;
  for (;;) {
    const wrong = await wrongItems(world, number);
    if (wrong.length === 0) break;
    if (world.clock.monotonicMs() > endMs) {
      for (const words of wrong) world.violate('expiry', words);
      break;
    }
    await world.clock.sleep(lookMs);
  }
  const records = recordsOf(world, number);
  checkEnds(world, records);
  for (const name of [MAIN, EXPIRING]) await checkStream(world, name);
}

const tableOf = (world: StreamWorld, name: string): Table =>
  present(world.served.serving()?.region.findTable(name), `the table ${name}`);

const recordsOf = ({ partitions }: StreamWorld, table: number): readonly StoredRecord[] =>
  partitions.flatMap(({ truth }) => truth.recordsOf(table));

async function wrongItems(world: StreamWorld, table: number): Promise<readonly string[]> {
  const latest = new Map<string, string | undefined>();
  for (const { key, image, cause } of recordsOf(world, table))
    if (isWritten(cause)) latest.set(keyText(key), valueOf(image));
  const wrong: string[] = [];
  for (const [key, value] of latest) {
    // What ends at all ends within seconds.
    const expected = value !== undefined && endOf(value) !== undefined ? undefined : value;
    const found = await read(world, table, key);
    if (found !== expected)
      wrong.push(`${key}: ${found ?? 'nothing'}, not ${expected ?? 'nothing'} after ${value}`);
  }
  return wrong;
}

/** What a copy had beyond a log that went back comes again as a peer's records do. */
const isWritten = (cause: StoredRecord['cause']): boolean =>
  cause === 'user' || cause === 'replication';

async function read(world: StreamWorld, table: number, key: string): Promise<string | undefined> {
  const serving = present(world.served.serving(), 'a node that answers');
  try {
    const item = await serving.region.getItem({ table, key: keyBytes(key), consistent: true });
    return valueOf(item?.image);
  } catch (error) {
    return `nothing that can be read: ${String(error)}`;
  }
}

function checkEnds(world: StreamWorld, records: readonly StoredRecord[]): void {
  const { faults, skewMs } = world.options;
  const hasClockFaults = CLOCK_FAULTS.some((name) => faults.includes(name));
  const standing = new Map<string, string | undefined>();
  for (const { key: bytes, image, cause, atMs } of records) {
    const key = keyText(bytes);
    const before = standing.get(key);
    if (cause === 'expiry') {
      world.count('expired item');
      const endS = before === undefined ? undefined : endOf(before);
      if (endS === undefined) world.violate('expiry', `${key}: ${before ?? 'nothing'} was ended`);
      else if (!hasClockFaults && endS * 1000 > atMs + skewMs)
        world.violate('expiry', `${key}: ${before} was ended too early`);
    }
    if (cause === 'expiry' || isWritten(cause)) standing.set(key, valueOf(image));
  }
}

/** The second in which an item ends, as its value tells. */
function endOf(value: string): number | undefined {
  const [, end] = value.split('@');
  return end === undefined ? undefined : Number(end);
}

async function checkStream(world: StreamWorld, name: string): Promise<void> {
  const table = tableOf(world, name);
  const { region, life } = present(world.served.serving(), 'a node that answers');
  const partitions = world.nodes.flatMap(({ running }) => running?.engine.core.partitions ?? []);
  const content = new Map<string, { readonly value: string | undefined }>();
  const ended = new Map<string, boolean>();
  for (const { key, image, cause } of recordsOf(world, table.number)) {
    const [text, value] = [keyText(key), valueOf(image)];
    const before = content.get(text)?.value;
    if (before !== undefined && value === undefined) ended.set(before, cause === 'expiry');
    if (value === undefined) content.delete(text);
    else content.set(text, { value });
  }
  // Its log may have been trimmed, or have lost something.
  await checkTableStream(world, {
    where: name,
    table,
    streams: region.streams,
    content,
    isWhole: ({ stream }) =>
      world.loss === undefined &&
      // A clock that jumped may have let entries seem old, and their log be trimmed.
      tellsAll(stream, {
        logs: partitions.map(({ number, log }) => ({ number, first: log.first })),
        oldestMs: life.wallMs() - world.options.retentionMs,
      }),
    ended,
  });
}
