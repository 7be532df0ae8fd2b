import type { Clock } from '../../base/clock.ts';
import { randomUuid, type Random } from '../../base/random.ts';
import { endOf } from '../../log/chain.ts';
import { makeEntry } from '../../log/entry-codec.ts';
import type { LogEnd } from '../../log/entry.ts';
import type { StreamBroker } from '../../log/jetstream/stream-broker.ts';
import { StreamLog } from '../../log/jetstream/stream-log.ts';
import type { LogStream } from '../../log/jetstream/stream-names.ts';

/** The first epoch of a new stream is by so much above every one that is known: a copy that is missing may know a later one. */
const epochStep = 1000;

/** The streams of a region's logs. */
export interface RecoveryStreams {
  /** By partition and generation. Rejects with `BrokerError`, as all of them do. */
  list(): Promise<readonly LogStream[]>;
  /** Nothing where it is there already. */
  create(stream: LogStream): Promise<void>;
  broker(stream: LogStream): StreamBroker;
}

export interface NextGeneration {
  readonly streams: RecoveryStreams;
  readonly stream: LogStream;
  /** Where the copy stands behind which it goes on, with the latest epoch and partition time that any copy has. */
  readonly base: LogEnd;
  /** Who is to lead. */
  readonly zone: string;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Makes the stream in which a lost log goes on, behind `base`: its first entry opens an epoch under a new log id, so that the log
 * is there whole or not at all. Whether it was begun here. Rejects with `BrokerError` or `LogError`.
 */
export async function beginGeneration(next: NextGeneration): Promise<boolean> {
  const { streams, stream, base, zone, clock, random } = next;
  await streams.create(stream);
  const broker = streams.broker(stream);
  const log = await StreamLog.open({ broker, partition: stream.partition, clock, base });
  try {
    if (log.end.checksum !== base.checksum || log.end.index !== base.index) return false;
    const payload = Buffer.from(zone);
    const { partitionTime } = base;
    const opened = makeEntry(base, {
      logId: randomUuid(random),
      epoch: base.epoch + epochStep,
      kind: 'open',
      partitionTime,
      payload,
    });
    if ((await log.append(opened)) !== 'durable') return false;
    const { logId, epoch } = opened;
    // Without it whoever is to lead waits until the lease is over.
    const resigned = { logId, epoch, kind: 'resign', partitionTime, payload } as const;
    await log.append(makeEntry(endOf(opened), resigned));
    return true;
  } finally {
    log.close();
  }
}

/** Whether the stream holds anything: one of a later generation than the first is no log before that. Rejects with `BrokerError`. */
export async function isBegun(broker: StreamBroker): Promise<boolean> {
  const { last } = await broker.bounds();
  return last > 0;
}
