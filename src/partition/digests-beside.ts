import type { Clock } from '../base/clock.ts';
import { digestOf } from '../model/item-digest.ts';
import type { Group } from './append-pipeline.ts';

/**
 * Finds the digests of what was sent to the log, which every copy will ask for, while writers wait for the log: where they are few there
 * is nothing else to do then, and nobody waits for it later. What nobody waits for is left until it is asked for.
 */
export const digestsBeside =
  (clock: Clock) =>
  ({ writers, records }: Pick<Group, 'writers' | 'records'>): void => {
    if (writers === 0) return;
    clock.defer(() => {
      for (const record of records)
        if (record.image !== undefined) digestOf(record.key, record, record.image);
    });
  };
