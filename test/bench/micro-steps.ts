import { join } from 'node:path';

import { ExpressionCompiler } from '../../src/expression/expression-compiler.ts';
import { applyUpdate } from '../../src/expression/apply-update.ts';
import { NodeDisk } from '../../src/daemon/node-disk.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';
import { SystemRandom } from '../../src/daemon/system-random.ts';
import { EmbeddedLogs } from '../../src/log/embedded/embedded-logs.ts';
import { ZONES } from '../../src/log/embedded/storage-node-identity.ts';
import { parseItem } from '../../src/model/attribute-value.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import { decodeRecords, encodeRecords } from '../../src/model/record-codec.ts';
import type { ItemRecord } from '../../src/model/record.ts';
import { validateInput } from '../../src/model/shape-validator.ts';
import type { KeySchema } from '../../src/model/table.ts';
import { prepareEntry } from '../../src/storage/apply.ts';
import { openLevelStore } from '../../src/storage/level-store.ts';
import { readItem } from '../../src/storage/read.ts';
import { StorageNode } from '../../src/storage/storage-node.ts';
import { LogWriter } from '../support/log-region.ts';
import { ITEM_BYTES } from './bench-item.ts';
import { times } from './times.ts';
import { item, ITEM_COUNT } from './workloads.ts';

/** A hot step of the path of a request. */
export interface MicroStep {
  readonly name: string;
  /** How often one call of `run` does it. */
  readonly count: number;
  /** Does it so often. Only what waits for a disk returns a promise. */
  readonly run: () => unknown;
}

export interface MicroSteps {
  readonly steps: readonly MicroStep[];
  readonly close: () => Promise<void>;
}

const KEYS: KeySchema = { partition: { name: 'id', type: 'S' }, sort: undefined };
const REGION = 'us-east-1';
const TABLE = 1;
/** What one entry carries when 16 connections put. */
const GROUP = 16;
/** As the daemon has it. */
const LOG_AHEAD_BYTES = 1024 * 1024;
/** So many calls of what waits for nothing are timed at once. */
const MANY = 1000;

/** The steps, over a log and a store in a folder. */
export async function openMicroSteps(folder: string): Promise<MicroSteps> {
  const log = await openLog(join(folder, 'log'));
  const store = await openStore(join(folder, 'store'));
  return {
    steps: [...requestSteps(), log.step, ...store.steps],
    close: async () => {
      await log.close();
      await store.close();
    },
  };
}

/** What a request costs before a region has heard of it. */
function requestSteps(): readonly MicroStep[] {
  const bodies = times(MANY, (at) => JSON.stringify({ TableName: 'bench-items', Item: item(at) }));
  const items = times(MANY, (at) => parseItem(item(at)));
  const records = times(MANY, recordOf);
  const compiler = new ExpressionCompiler();
  const many = (name: string, once: (at: number) => unknown): MicroStep => ({
    name,
    count: MANY,
    run: () => {
      for (let at = 0; at < MANY; at += 1) once(at);
    },
  });
  return [
    many('parse a PutItem', (at) =>
      parseItem(validateInput('PutItem', JSON.parse(bodies[at] ?? ''))['Item']),
    ),
    many('encode a key', (at) => encodeItemKey(KEYS, items[at] ?? {})),
    many('compile and apply an update', (at) => {
      const { update } = compiler.compile(
        {
          UpdateExpression: 'ADD #counter :one',
          ExpressionAttributeNames: { '#counter': 'counter' },
          ExpressionAttributeValues: { ':one': { N: '1' } },
        },
        ['UpdateExpression'],
      );
      if (update === undefined) throw new Error('an update is compiled');
      applyUpdate(update, { current: items[at], keyAttributes: {} });
    }),
    many(`encode and decode a record of ${ITEM_BYTES} bytes`, (at) =>
      decodeRecords(encodeRecords(records.slice(at, at + 1))),
    ),
  ];
}

/** Entries of one group commit each, synced in two zones of three. */
async function openLog(
  folder: string,
): Promise<{ readonly step: MicroStep; readonly close: () => Promise<void> }> {
  const zones = await Promise.all(
    ZONES.map(async (zone) => ({
      zone,
      disk: await NodeDisk.open(join(folder, zone), {
        aheadBytes: LOG_AHEAD_BYTES,
        writeThrough: true,
      }),
    })),
  );
  const clock = new SystemClock();
  const logs = await EmbeddedLogs.open({
    region: REGION,
    zones,
    clock,
    random: new SystemRandom(),
  });
  const writer = new LogWriter(logs.log(0), 'micro');
  await writer.open();
  const payload = encodeRecords(times(GROUP, recordOf));
  return {
    step: {
      name: `append an entry of ${GROUP} records, one after the other, synced`,
      count: 1,
      run: async () => {
        const outcome = await writer.append(payload);
        if (outcome !== 'durable') throw new Error(`an append was ${outcome}`);
      },
    },
    close: async () => logs.stop(),
  };
}

/** A copy's store with every item of the benchmark. */
async function openStore(
  folder: string,
): Promise<{ readonly steps: readonly MicroStep[]; readonly close: () => Promise<void> }> {
  const store = await openLevelStore(folder);
  const node = await StorageNode.open({ zone: 'a', store, partitionCount: 1, partitions: [0] });
  const all = times(ITEM_COUNT, recordOf);
  let index = 0;
  const apply = async (from: number): Promise<void> => {
    index += 1;
    const version = { time: index, region: REGION };
    const records = all.slice(from, from + GROUP).map((record) => ({ ...record, version }));
    const end = { logId: 'micro', epoch: 1, index, checksum: 0, partitionTime: index };
    const entry = prepareEntry({ end, records, forget: undefined });
    await node.apply(new Map([[0, [entry]]]));
  };
  for (let from = 0; from < ITEM_COUNT; from += GROUP) await apply(from);
  let next = 0;
  return {
    steps: [
      {
        name: 'apply a record to one store, 16 at once',
        count: GROUP,
        run: async () => {
          next = (next + GROUP) % ITEM_COUNT;
          await apply(next - (next % GROUP));
        },
      },
      {
        name: 'read an item from a store',
        count: MANY,
        run: () => {
          for (let n = 0; n < MANY; n += 1) {
            next += 1;
            const key = all[(next * 7919) % ITEM_COUNT]?.key;
            if (key === undefined || readItem(store, TABLE, key) === undefined)
              throw new Error('an item is missing');
          }
        },
      },
    ],
    close: async () => node.close(),
  };
}

function recordOf(at: number): ItemRecord {
  const attributes = parseItem(item(at));
  return {
    table: TABLE,
    key: encodeItemKey(KEYS, attributes),
    version: { time: 1, region: REGION },
    replaced: undefined,
    image: Buffer.from(JSON.stringify(attributes)),
    keepsTombstone: false,
    itemBytes: ITEM_BYTES,
    previous: { kind: 'none' },
    cause: 'user',
  };
}
