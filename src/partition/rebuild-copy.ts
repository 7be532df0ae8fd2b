import type { Clock } from '../base/clock.ts';
import type { RebuildProgress } from '../storage/rebuild.ts';
import type { NodeSnapshot, StorageNode } from '../storage/storage-node.ts';
import type { Logger } from '../telemetry/logger.ts';

/** At most this often a line of the log says how far a rebuild is. */
const progressLineMs = 3000;

/** Who wants to know of rebuilds: `ended` follows each that has progressed, whatever became of it. */
export interface RebuildObserver {
  /** The first is at the start, with nothing copied. */
  rebuildProgressed(rebuild: RebuildOfCopy, progress: RebuildProgress): void;
  /** `isComplete`: the copy is whole; otherwise the rebuild failed or was given up. */
  rebuildEnded(rebuild: RebuildOfCopy, isComplete: boolean): void;
}

/** Which copy is rebuilt. */
export interface RebuildOfCopy {
  readonly zone: string;
  readonly partition: number;
}

export interface RebuildCopyOptions {
  readonly target: StorageNode;
  readonly source: StorageNode | NodeSnapshot;
  readonly partition: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: RebuildObserver;
}

/**
 * Rebuilds a copy from another zone's, and says so: in the log at the start, every few seconds and at the end, and to
 * the observer. Rejects with `RebuildError`, whose `side` tells whose store failed, or with the signal's reason.
 */
export async function rebuildCopy(options: RebuildCopyOptions): Promise<void> {
  const { target, source, partition, signal, clock, logger, observer } = options;
  const rebuild = { zone: target.zone, partition };
  const startedMs = clock.monotonicMs();
  let saidMs = startedMs;
  let isComplete = false;
  logger.warn({ ...rebuild, from: source.zone }, 'rebuilding a copy');
  try {
    await target.rebuildFrom(source, partition, {
      signal,
      onProgress: (progress) => {
        observer.rebuildProgressed(rebuild, progress);
        const nowMs = clock.monotonicMs();
        if (nowMs - saidMs < progressLineMs) return;
        saidMs = nowMs;
        logger.info({ ...rebuild, ...progress }, 'copy being rebuilt');
      },
    });
    isComplete = true;
    const durationMs = Math.round(clock.monotonicMs() - startedMs);
    logger.info({ ...rebuild, durationMs }, 'copy rebuilt');
  } finally {
    observer.rebuildEnded(rebuild, isComplete);
  }
}
