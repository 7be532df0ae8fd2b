import { present } from '../base/assert.ts';
import type { Partition, ScannedItem } from '../partition/partition.ts';
import { SYSTEM_TABLE, tableHashRange } from '../storage/key-layout.ts';
import { withSnapshot } from '../storage/key-ranges.ts';
import type { KeyValueStore } from '../storage/key-value-store.ts';
import { scanVersions } from '../storage/read.ts';

/** How much of the system table is read at a time. */
const readBytes = 256 * 1024;

/** Hash (4) and length (2) before the name. */
const headBytes = 6;

/**
 * The region's own small JSON documents, by name: catalogue, positions of inboxes, progress of long work. They are items
 * of the system table in partition 0, so that they are written, copied and recovered as any item is.
 */
export class SystemDocuments {
  readonly #partition: Partition;

  constructor(partition: Partition) {
    this.#partition = partition;
  }

  /** Resolves when durable. */
  async put(name: string, document: unknown): Promise<void> {
    const image = Buffer.from(JSON.stringify(document));
    await this.#partition.write({
      table: SYSTEM_TABLE,
      key: keyOf(name),
      change: { kind: 'put', image, itemBytes: image.length },
      condition: undefined,
      cause: 'system',
    });
  }

  /** Resolves when durable. A missing one is no error. */
  async delete(name: string): Promise<void> {
    await this.#partition.write({
      table: SYSTEM_TABLE,
      key: keyOf(name),
      change: { kind: 'delete' },
      condition: undefined,
      cause: 'system',
    });
  }

  /**
   * All documents by name, as `JSON.parse` gives them, and undefined for what is no JSON: whoever asked for one checks it.
   */
  async all(): Promise<ReadonlyMap<string, unknown>> {
    return documentsIn(async (after) => this.#partition.scan(SYSTEM_TABLE, after, readBytes));
  }
}

/** All documents as one copy of partition 0 has them: an older state of them, perhaps. */
export async function readDocuments(store: KeyValueStore): Promise<ReadonlyMap<string, unknown>> {
  const hashes = tableHashRange(SYSTEM_TABLE, 0, 1);
  return withSnapshot(store, async (snapshot) =>
    documentsIn(async (after) =>
      scanVersions(snapshot, { table: SYSTEM_TABLE, hashes, after, limitBytes: readBytes }),
    ),
  );
}

async function documentsIn(
  page: (after: Uint8Array | undefined) => Promise<readonly ScannedItem[]>,
): Promise<ReadonlyMap<string, unknown>> {
  const documents = new Map<string, unknown>();
  let after: Uint8Array | undefined;
  for (;;) {
    const items = await page(after);
    if (items.length === 0) return documents;
    for (const { key, image } of items)
      if (image !== undefined) documents.set(nameOf(key), parsed(image));
    after = present(items.at(-1), 'a last item').key;
  }
}

function parsed(image: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(image).toString('utf8'));
  } catch {
    return undefined;
  }
}

function keyOf(name: string): Uint8Array {
  const bytes = Buffer.from(name, 'utf8');
  const key = Buffer.alloc(headBytes + bytes.length);
  key.writeUInt16BE(bytes.length, headBytes - 2);
  key.set(bytes, headBytes);
  return key;
}

/** The name of the document under a key of the system table. */
export const nameOf = (key: Uint8Array): string =>
  Buffer.from(key.subarray(headBytes)).toString('utf8');
