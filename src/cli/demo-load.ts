import type { Item, PinnedClient } from './demo-clients.ts';

/** DynamoDB's limit for one BatchWriteItem. */
const BATCH_ITEMS_MAX = 25;
const CONCURRENCY = 16;
const ATTEMPTS_MAX = 20;
const BACKOFF_MS = 20;

type BatchRequests = NonNullable<
  Parameters<PinnedClient['batchWriteItem']>[0]['RequestItems']
>[string];

export interface LoadJob {
  readonly client: PinnedClient;
  readonly table: string;
  readonly items: readonly Item[];
  readonly signal: AbortSignal;
  /** Called after every batch, with all that is written by then. */
  readonly onProgress: (written: number) => void;
}

/** Writes all items, several batches at a time. Rejects when items stay unprocessed. */
export async function loadItems(job: LoadJob): Promise<void> {
  let next = 0;
  let written = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      job.signal.throwIfAborted();
      const batch = job.items.slice(next, next + BATCH_ITEMS_MAX);
      next += batch.length;
      if (batch.length === 0) return;
      await writeBatch(job, batch);
      written += batch.length;
      job.onProgress(written);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

async function writeBatch({ client, table }: LoadJob, items: readonly Item[]): Promise<void> {
  let requests: BatchRequests = items.map((item) => ({ PutRequest: { Item: item } }));
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const { UnprocessedItems } = await client.batchWriteItem({
      RequestItems: { [table]: requests },
    });
    requests = UnprocessedItems?.[table] ?? [];
    if (requests.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, BACKOFF_MS * attempt));
  }
  throw new Error(`${requests.length} items were still unprocessed after ${ATTEMPTS_MAX} attempts`);
}
