import type { Layout } from '../../storage/layout.ts';
import type { ReceivedRecord } from '../partition.ts';
import type { AskLeader } from './partition-client.ts';

/**
 * Asks as `ask` does; but records that are received go to the partitions that have their hashes by `layout`, whichever is asked: a copy
 * from before a split may hold what is another partition's by now.
 */
export const receiveByLayout =
  (ask: AskLeader, layout: () => Layout): AskLeader =>
  async (partition, call) => {
    if (call.name !== 'receive') return ask(partition, call);
    const now = layout();
    const parts = new Map<number, ReceivedRecord[]>([[partition, []]]);
    for (const record of call.request) {
      const number = now.partitionOf(record.table, record.key);
      const part = parts.get(number);
      if (part === undefined) parts.set(number, [record]);
      else part.push(record);
    }
    const own = parts.get(partition) ?? [];
    parts.delete(partition);
    for (const [number, request] of parts) await ask(number, { name: 'receive', request });
    return ask(partition, { ...call, request: own });
  };
