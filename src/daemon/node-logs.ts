import type { Clock } from '../base/clock.ts';
import type { NatsStreams } from '../log/jetstream/nats-streams.ts';
import { BrokerError } from '../log/jetstream/stream-broker.ts';
import { StreamLog, type StreamLogOptions } from '../log/jetstream/stream-log.ts';
import type { LogStream } from '../log/jetstream/stream-names.ts';
import { LogError } from '../log/replicated-log.ts';
import { isBegun } from '../partition/clustered/next-generation.ts';
import type { OpenedLog } from '../partition/clustered/node-partitions.ts';
import type { Trouble } from '../partition/clustered/node-stands.ts';
import type { Mended } from '../partition/clustered/stream-recovery.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Pause before the streams are looked for once more. */
const lookMs = 300;

/** How long a stream is missing, with servers that answer, before it is taken for lost. */
const missingMsMax = 5000;

/** Which streams the logs of a region are. */
export type RegionStreams = Pick<NatsStreams, 'list' | 'create' | 'broker'>;

/** Measures of a log that every node of the region has alike; its own when they are not given. */
export type LogMeasures = Pick<StreamLogOptions, 'leaseMs' | 'partBytes' | 'recentBytes'>;

export interface NodeLogsOptions {
  readonly streams: RegionStreams;
  readonly partitions: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Whether the region is new, as all of its nodes say, and this one is to make its streams. */
  readonly makesStreams: () => boolean;
  /** Nothing was ever applied to this node's copies: it has nothing that a stream could have lost. */
  readonly isBlank: () => boolean;
  readonly measures?: LogMeasures | undefined;
  /** See `StreamRecovery.mend`. */
  readonly mend: (trouble: Trouble) => Promise<Mended | undefined>;
}

/**
 * Opens the logs of the partitions that there were before any split, as one node reads them, each in its stream of the newest
 * generation; waits for streams that are not there, makes them for a new region, and has those that are lost mended.
 * Undefined when `signal` aborts. Rejects with `LogError` `format`.
 */
export async function openNodeLogs(
  options: NodeLogsOptions,
): Promise<readonly OpenedLog[] | undefined> {
  const { partitions, logger } = options;
  const opened: OpenedLog[] = [];
  try {
    for (let partition = 0; partition < partitions; partition += 1) {
      const log = await openNodeLog(options, partition);
      if (log === undefined) break;
      opened.push(log);
    }
    if (opened.length === partitions) return opened;
  } catch (error) {
    for (const { log } of opened) log.close();
    throw error;
  }
  for (const { log } of opened) log.close();
  logger.info({}, 'the node stops before its logs are open');
  return undefined;
}

/** The log of one partition, as `openNodeLogs` opens all of them. */
export async function openNodeLog(
  options: NodeLogsOptions,
  partition: number,
): Promise<OpenedLog | undefined> {
  const { streams, clock, logger, signal, mend, measures } = options;
  while (!signal.aborted) {
    const stream = await foundStream(options, partition);
    if (stream === undefined) return undefined;
    const { generation } = stream;
    const broker = streams.broker(stream);
    try {
      if (generation === 1 || (await isBegun(broker)))
        return {
          log: await StreamLog.open({ ...measures, broker, partition, clock }),
          generation,
        };
      // Somebody is about to begin it, or was; nobody appends to it before.
      const words = 'the stream that follows a lost one is not begun';
      await mend({
        partition,
        generation: generation - 1,
        log: undefined,
        why: { kind: 'lost', words },
      });
    } catch (error) {
      if (error instanceof BrokerError) {
        logger.warn({ partition, error }, 'the stream of a partition cannot be read yet');
        await clock.sleep(lookMs, signal);
        continue;
      }
      if (!(error instanceof LogError) || error.code === 'format') throw error;
      if (error.code === 'unavailable') {
        logger.warn({ partition, error }, 'the stream of a partition cannot be read yet');
        await clock.sleep(lookMs, signal);
        continue;
      }
      const why = { kind: 'lost', words: error.message } as const;
      await mend({ partition, generation, log: undefined, why });
    }
  }
  return undefined;
}

/** The partition's stream of the highest generation, once there is one. */
async function foundStream(
  options: NodeLogsOptions,
  partition: number,
): Promise<LogStream | undefined> {
  const { streams, clock, logger, signal, makesStreams, isBlank, mend } = options;
  let hasTold = false;
  let missingSinceMs: number | undefined;
  while (!signal.aborted) {
    try {
      const found = await streams.list();
      const newest = found.findLast((stream) => stream.partition === partition);
      if (newest !== undefined) return newest;
      if (makesStreams()) {
        await streams.create({ partition, generation: 1 });
        logger.info({ partition }, 'the stream of a new partition is made');
        continue;
      }
      if (!hasTold) logger.info({ partition }, 'waiting for the stream of a partition');
      hasTold = true;
      missingSinceMs ??= clock.monotonicMs();
      if (!isBlank() && clock.monotonicMs() - missingSinceMs > missingMsMax) {
        const why = { kind: 'lost', words: 'there is no stream of it' } as const;
        await mend({ partition, generation: 0, log: undefined, why });
        missingSinceMs = undefined;
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      missingSinceMs = undefined;
      if (!hasTold) logger.warn({ partition, error }, 'the streams cannot be listed yet');
      hasTold = true;
    }
    await clock.sleep(lookMs, signal);
  }
  return undefined;
}

/** Makes the stream of a partition that is to come of a split, or finds that of an earlier attempt. Rejects as `StreamLog.open`. */
export async function makeChildLog(
  { streams, clock, measures }: Pick<NodeLogsOptions, 'streams' | 'clock' | 'measures'>,
  partition: number,
): Promise<OpenedLog> {
  const generation = 1;
  const stream = { partition, generation };
  await streams.create(stream);
  const log = await StreamLog.open({
    ...measures,
    broker: streams.broker(stream),
    partition,
    clock,
  });
  return { log, generation };
}
