import type { Clock } from '../base/clock.ts';
import { internalError } from '../model/errors.ts';
import { caughtUp } from '../partition/clustered/caught-up.ts';
import { LogFollower } from '../partition/clustered/log-follower.ts';
import type { NodePartition } from '../partition/clustered/node-partition.ts';
import { CatalogueFollower } from '../region/catalogue-follower.ts';
import type { Catalogue } from '../region/catalogue.ts';
import { bringsIndex } from '../region/index-arrival.ts';
import { readDocuments } from '../region/system-documents.ts';
import type { StorageNode } from '../storage/storage-node.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Pause before a log that cannot be read is read again. */
const readRetryMs = 200;

export interface NodeFollowerOptions {
  readonly catalogue: Catalogue;
  /** Partition 0. */
  readonly first: NodePartition;
  /** As many as there are at the moment. */
  readonly all: () => readonly NodePartition[];
  readonly node: StorageNode;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What keeps a node's catalogue as partition 0 says it, from that one's log and this node's copy of it. */
export const newNodeFollower = ({
  catalogue,
  first,
  all,
  node,
  clock,
  logger,
}: NodeFollowerOptions): CatalogueFollower =>
  new CatalogueFollower({
    catalogue,
    follow: (after) => new LogFollower(first.log, after, async () => clock.sleep(readRetryMs)),
    applied: () => first.copy.position.index,
    appliedThrough: async (index) => first.appliedThrough(index),
    documents: async () => {
      if (first.copy.rebuilding) throw internalError();
      const documents = await readDocuments(node.store);
      if (bringsIndex(catalogue, documents)) await caughtUp(all(), clock);
      return documents;
    },
    clock,
    logger,
  });
