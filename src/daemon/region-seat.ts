import type { Bus } from '../bus/bus.ts';
import { advanceAll } from '../partition/advance-all.ts';
import { isCopied } from '../partition/clustered/is-copied.ts';
import type { NodePartition } from '../partition/clustered/node-partition.ts';
import type { NodeChild } from '../partition/clustered/node-partitions.ts';
import type { AskLeader } from '../partition/clustered/partition-client.ts';
import { RegionSplitter, type SplitDocuments } from '../partition/clustered/region-splitter.ts';
import type { LocalPartition } from '../partition/local-partition.ts';
import type { CatalogueDocuments } from '../region/catalogue.ts';
import { DocumentPositions } from '../region/document-positions.ts';
import { IndexProgress } from '../region/index-progress.ts';
import type { Seat } from '../region/seat-line.ts';
import { SystemDocuments } from '../region/system-documents.ts';
import { TriggerDocuments } from '../triggers/trigger-documents.ts';
import type { NodeCore } from './node-core.ts';
import { RegionServices, type RegionServicesOptions } from './region-services.ts';

/** Pause before the catalogue is read again where that could not be done. */
const retryMs = 100;

export interface RegionSeatOptions extends Omit<
  RegionServicesOptions,
  'core' | 'positions' | 'dropItems' | 'leadersKnow'
> {
  readonly core: NodeCore;
  /** Partition 0, which this node leads. */
  readonly leading: LocalPartition;
  /** Aborts when this node leads it no more. */
  readonly signal: AbortSignal;
}

/**
 * What a node does for its whole region while it leads partition 0: it keeps the catalogue, moves tables, follows the logs for
 * global indexes, and speaks with other regions. A node that has lost the seat without knowing it changes nothing by it: the
 * catalogue goes through the partition that it led, and leaders take no calls of an older term than they have seen.
 */
export class RegionSeat implements Seat {
  /** The epoch of partition 0 in which the seat was taken. */
  readonly term: number;
  readonly services: RegionServices;
  readonly splitter: RegionSplitter;
  readonly #unfollow: () => void;
  readonly #core: NodeCore;
  readonly #documents: CatalogueLog;

  /** Undefined when `signal` aborts before the seat is taken. */
  static async take(options: RegionSeatOptions): Promise<RegionSeat | undefined> {
    const { core, leading, logger } = options;
    const documents = new SystemDocuments(leading);
    const kept = await keptIn(options, documents);
    if (kept === undefined) return undefined;
    const catalogueLog = new CatalogueLog(documents, leading);
    core.takeSeat({ documents: catalogueLog, kept, committed: () => leading.committed.index });
    let seat: RegionSeat | undefined;
    try {
      seat = new RegionSeat(options, { documents, catalogueLog, kept });
      await seat.services.start();
      await seat.splitter.start();
    } catch (error) {
      // Without that the node would follow the catalogue of no later seat.
      await (seat?.leave() ?? core.leaveSeat());
      throw error;
    }
    logger.info({ term: seat.term }, "has the region's seat");
    return seat;
  }

  private constructor(
    options: RegionSeatOptions,
    {
      documents,
      catalogueLog,
      kept,
    }: {
      readonly documents: SystemDocuments;
      readonly catalogueLog: CatalogueLog;
      readonly kept: ReadonlyMap<string, unknown>;
    },
  ) {
    const { core, leading } = options;
    const { epoch: term } = leading.committed;
    this.term = term;
    this.#core = core;
    this.#documents = catalogueLog;
    const indexProgress = new IndexProgress(documents);
    indexProgress.load(kept);
    const triggerDocuments = new TriggerDocuments(documents);
    triggerDocuments.load(kept);
    const ask: AskLeader = async (partition, call) =>
      core.line.ask(partition, call, {
        zone: core.zone,
        term,
        catalogueIndex: this.catalogueIndex(),
      });
    const first = core.partitions.slice(0, options.config.partitions);
    const partitions = first.map((partition) => core.newClient(partition, ask));
    this.services = new RegionServices({
      ...options,
      endpoint: seatBus(options.endpoint, leading),
      core: {
        catalogue: core.catalogue,
        indexedTables: core.indexedTables,
        partitions,
        get layout() {
          return core.layout;
        },
        splits: core.splits,
        indexProgress,
        triggerDocuments,
      },
      positions: new DocumentPositions(documents, kept),
      // Other nodes do the same once they see that the table is gone from the catalogue.
      dropItems: async (table) => core.node.dropTable(table),
      leadersKnow: async () => {
        await advanceAll(partitions);
      },
    });
    this.splitter = new RegionSplitter({
      kept,
      documents: splitDocuments(core, leading, documents),
      layout: () => core.layout,
      ask,
      limits: options.config.split,
      clock: options.clock,
      logger: options.logger,
    });
    // Those that are there already as those that come: what their parents' logs say of their hashes goes first.
    const follow = ({ partition, parent, splitIndex }: NodeChild): void => {
      const client = core.newClient(partition, ask);
      partitions.push(client);
      this.services.addChild({ partition: client, parent, splitIndex });
    };
    for (const child of core.splits.children) follow(child);
    this.#unfollow = core.splits.onChild(follow);
  }

  get region(): RegionServices['region'] {
    return this.services.region;
  }

  catalogueIndex(): number {
    return this.#documents.index;
  }

  async leave(): Promise<void> {
    this.#unfollow();
    await this.splitter.stop();
    try {
      await this.services.stop();
    } finally {
      await this.#core.leaveSeat();
    }
  }
}

function splitDocuments(
  core: NodeCore,
  leading: LocalPartition,
  documents: SystemDocuments,
): SplitDocuments {
  let { index } = leading.committed;
  return {
    put: async (name, document) => {
      await documents.put(name, document);
      index = leading.committed.index;
    },
    isCopied: () => isCopied({ partition: leading.number, index }, core),
  };
}

/** The catalogue's documents, with where in partition 0's log the last change of them stands, or a little behind. */
class CatalogueLog implements CatalogueDocuments {
  readonly #documents: SystemDocuments;
  readonly #leading: LocalPartition;
  #index: number;

  constructor(documents: SystemDocuments, leading: LocalPartition) {
    this.#documents = documents;
    this.#leading = leading;
    this.#index = leading.committed.index;
  }

  get index(): number {
    return this.#index;
  }

  async put(name: string, document: unknown): Promise<void> {
    await this.#documents.put(name, document);
    this.#index = this.#leading.committed.index;
  }

  async delete(name: string): Promise<void> {
    await this.#documents.delete(name);
    this.#index = this.#leading.committed.index;
  }
}

/**
 * Resolves once this node knows its region's logs to where they end now, as the seat before may have, with those that splits have made.
 * Positions in them would else seem to be of a log that was lost. False when the signal aborts before.
 */
async function logsAreRead(options: RegionSeatOptions): Promise<boolean> {
  const { core, signal } = options;
  for (let read = 0; read < core.partitions.length && !signal.aborted;) {
    const unread = core.partitions.slice(read);
    await Promise.all(unread.map(async (partition) => logIsRead(partition, options)));
    read += unread.length;
  }
  return !signal.aborted;
}

async function logIsRead(
  partition: NodePartition,
  { core, clock, logger, signal }: RegionSeatOptions,
): Promise<void> {
  const { number, log } = partition;
  while (!signal.aborted && partition.leading === undefined && !(await log.refresh()))
    await clock.sleep(retryMs, signal);
  if (signal.aborted || partition.copy.rebuilding) return;
  try {
    await core.clients[number]?.layoutKnown(log.end.index);
  } catch (error) {
    // A copy that cannot follow now is mended without the seat, and the region does not wait for that.
    logger.warn({ partition: number, error }, 'it is not known what splits there were');
  }
}

/**
 * The region's bus for as long as it is certain that the seat is: what another region asks is answered by what holds now, never
 * by the catalogue or the positions of a seat that another node has taken since.
 */
function seatBus(bus: Bus, leading: LocalPartition): Bus {
  return {
    region: bus.region,
    request: async (to, message, options) => bus.request(to, message, options),
    serve: (subject, handle) =>
      bus.serve(subject, async (payload, from) => {
        await leading.readIndex();
        return handle(payload, from);
      }),
  };
}

/**
 * All documents as they stand, once it is certain that nobody else leads partition 0, and the logs are read as far as they went
 * then. Undefined when the signal aborts before.
 */
async function keptIn(
  options: RegionSeatOptions,
  documents: SystemDocuments,
): Promise<ReadonlyMap<string, unknown> | undefined> {
  const { leading, clock, signal } = options;
  while (!signal.aborted) {
    try {
      await leading.advanceTime();
      const [kept, areRead] = await Promise.all([documents.all(), logsAreRead(options)]);
      return areRead ? kept : undefined;
    } catch {
      await clock.sleep(retryMs, signal);
    }
  }
  return undefined;
}
