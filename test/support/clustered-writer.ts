import { present } from '../../src/base/assert.ts';
import { encodeItemKey } from '../../src/model/item-key.ts';
import type { Table } from '../../src/model/table.ts';
import type { ClusteredWorld, WorldNode } from './clustered-region.ts';

const answerMsMax = 10_000;

export const keyOf = ({ definition }: Table, id: string): Uint8Array =>
  encodeItemKey(definition.keySchema, { id: { S: id } });

export async function put(
  by: WorldNode,
  table: Table,
  { id, value }: { readonly id: string; readonly value: number },
): Promise<void> {
  const image = Buffer.from(JSON.stringify({ id: { S: id }, v: { S: String(value) } }));
  await by.engine.region.write({
    table: table.number,
    key: keyOf(table, id),
    change: { kind: 'put', image, itemBytes: image.length },
    condition: undefined,
    cause: 'user',
  });
}

export function valueIn(image: Uint8Array): number {
  const item: unknown = JSON.parse(Buffer.from(image).toString());
  const value: unknown = typeof item === 'object' && item !== null && 'v' in item ? item.v : 0;
  return Number(Object(value).S);
}

/** Strongly; 0 where there is none. */
export async function read(by: WorldNode, table: Table, id: string): Promise<number> {
  const key = keyOf(table, id);
  const found = await by.engine.region.getItem({ table: table.number, key, consistent: true });
  return found === undefined ? 0 : valueIn(found.image);
}

/** All items, by strong scans of small pages. */
export async function scanAll(
  by: WorldNode,
  table: Table,
  limit = 7,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  let startAfter: Uint8Array | undefined;
  for (;;) {
    const page = await by.engine.region.scan({
      table: table.number,
      consistent: true,
      segment: 0,
      totalSegments: 1,
      limit,
      startAfter,
    });
    for (const { image } of page.items) {
      const { id }: { readonly id: { readonly S: string } } = JSON.parse(
        Buffer.from(image).toString(),
      );
      found.set(id.S, valueIn(image));
    }
    if (!page.more) return found;
    startAfter = present(page.items.at(-1), 'a last item').key;
  }
}

/** Writes items by way of a node, each value higher, and reads them strongly by way of another, until it is told to stop. */
export class ClusteredWriter {
  /** The last value that was answered, by item. */
  readonly acknowledged = new Map<string, number>();
  /** Strong reads that had less than was answered, or seen, before them. */
  readonly wrong: string[] = [];
  /** The longest time between two answers. */
  longestMs = 0;
  failures = 0;
  readonly table: Table;
  readonly ids: readonly string[];
  readonly #world: ClusteredWorld;
  readonly #by: WorldNode;
  readonly #reader: WorldNode;
  #isOver = false;
  readonly #done: Promise<unknown>;

  constructor(
    world: ClusteredWorld,
    table: Table,
    {
      by,
      reader,
      name,
    }: { readonly by: WorldNode; readonly reader: WorldNode; readonly name: string },
  ) {
    this.table = table;
    this.#world = world;
    this.#by = by;
    this.#reader = reader;
    this.ids = Array.from({ length: 24 }, (_, number) => `${name} ${number}`);
    this.#done = Promise.all([this.#write(), this.#read()]);
  }

  async #write(): Promise<void> {
    const { clock } = this.#world;
    let lastMs = clock.monotonicMs();
    for (let value = 1; !this.#isOver; value += 1) {
      const id = present(this.ids[value % this.ids.length], 'an item');
      try {
        await this.#unlessLate(put(this.#by, this.table, { id, value }));
        this.acknowledged.set(id, value);
        this.longestMs = Math.max(this.longestMs, clock.monotonicMs() - lastMs);
        lastMs = clock.monotonicMs();
      } catch {
        this.failures += 1;
      }
      await clock.sleep(12);
    }
  }

  async #read(): Promise<void> {
    const { clock } = this.#world;
    const seen = new Map<string, number>();
    for (let turn = 0; !this.#isOver; turn += 1) {
      const id = present(this.ids[turn % this.ids.length], 'an item');
      const least = Math.max(seen.get(id) ?? 0, this.acknowledged.get(id) ?? 0);
      const asked = this.#reader.isRunning ? read(this.#reader, this.table, id) : undefined;
      const found = await this.#unlessLate(asked).catch(() => undefined);
      if (found !== undefined) {
        if (found < least)
          this.wrong.push(`${id} at ${this.#reader.zone} was ${least} and is ${found}`);
        seen.set(id, Math.max(least, found));
      }
      await clock.sleep(9);
    }
  }

  /** A node that is killed answers nothing. */
  async #unlessLate<T>(answer: Promise<T> | undefined): Promise<T> {
    const late = this.#world.clock.sleep(answerMsMax).then((): never => {
      throw new Error('there is no answer');
    });
    late.catch(() => {});
    return Promise.race([answer ?? late, late]);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#world.run(this.#done);
  }
}
