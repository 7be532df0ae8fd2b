import type { TestRegion } from './test-lab.ts';
import { put, TABLE } from './test-table.ts';

export interface Load {
  /** What was answered so far: each item's value by its key, which no two writes share. */
  readonly answered: ReadonlyMap<string, string>;
  /** Ends the load and resolves with all that was answered. Rejects with the first error, unless errors are borne. */
  stop(): Promise<ReadonlyMap<string, string>>;
}

const WRITERS_PER_REGION = 4;

/** Puts new items into a table in each of these regions, one after the other by a few writers, until it is stopped. */
export function keepWriting(
  regions: readonly Pick<TestRegion, 'name' | 'client'>[],
  { prefix, table = TABLE, borne = false }: { prefix: string; table?: string; borne?: boolean },
): Load {
  const answered = new Map<string, string>();
  const over = new AbortController();
  const write = async (
    region: Pick<TestRegion, 'name' | 'client'>,
    writer: number,
  ): Promise<void> => {
    for (let round = 0; !over.signal.aborted; round += 1) {
      const id = `${prefix} ${region.name} ${writer} ${round}`;
      try {
        await put(region, id, id, table);
        answered.set(id, id);
      } catch (error) {
        if (!borne) throw error;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  };
  const writing = Promise.allSettled(
    regions.flatMap((region) =>
      Array.from({ length: WRITERS_PER_REGION }, async (_, writer) => write(region, writer)),
    ),
  );
  return {
    answered,
    stop: async () => {
      over.abort();
      for (const outcome of await writing) if (outcome.status === 'rejected') throw outcome.reason;
      return answered;
    },
  };
}
