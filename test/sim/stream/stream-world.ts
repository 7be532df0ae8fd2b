import { present } from '../../../src/base/assert.ts';
import { ZONES } from '../../../src/log/embedded/storage-node-identity.ts';
import type { Layout } from '../../../src/storage/layout.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { Chronicle } from '../chronicle.ts';
import type { ServedRegion } from '../served-region.ts';
import { pickFrom } from '../world-options.ts';
import { ModelStreams } from './model-streams.ts';
import { NodeNetwork } from './node-network.ts';
import type { BrokerFaults } from './stream-model.ts';
import { layoutOf } from './stream-splits.ts';
import { StreamNode } from './stream-node.ts';
import { drawStreamOptions, REGION, type StreamOptions } from './stream-options.ts';
import { StreamTruth } from './stream-truth.ts';

/** What became of a stream that lost something: places in the order of events, and what stood then. */
export interface Loss {
  readonly partition: number;
  readonly kind: 'stream went back' | 'stream lost';
  readonly since: number;
  /** What the copies held then that were furthest. */
  readonly held: readonly HeldItem[];
  /** From here on no lease runs any more that was renewed before. */
  leasesOver: number;
  /** Another stream goes on from here. */
  begun: number;
  /** All copies are of the log that goes on, and nobody was asking. */
  until: number | undefined;
  content: ReadonlyMap<string, string>;
}

/** An item as a copy had it. */
export interface HeldItem {
  readonly zone: string;
  readonly key: string;
  readonly time: number;
}

export interface StreamPartition {
  readonly number: number;
  readonly truth: StreamTruth;
}

/** One region of three nodes over a broker's streams, from one seed. */
export class StreamWorld extends Chronicle {
  readonly seed: number;
  readonly options: StreamOptions;
  readonly random: SeededRandom;
  readonly regions = [{ name: REGION }];
  readonly brokerFaults: BrokerFaults = { refused: 0, unknown: 0, straggler: 0, notFound: 0 };
  readonly streams: ModelStreams;
  readonly network: NodeNetwork;
  readonly nodes: readonly StreamNode[];
  /** Those whose streams were made: a child's is there before it is decided that there will be one. */
  readonly #made: StreamPartition[];
  /** The number of the clients' table, once it is there. */
  table: number | undefined;
  /** One at most. */
  loss: Loss | undefined;
  /** Clients wait before they ask anything. */
  isHeld = false;
  /** What clients have asked and not been answered. */
  asking = 0;
  /** Told once, when the next transaction that writes is asked of a node. */
  onTransaction: ((asked: StreamNode) => void) | undefined;

  constructor(seed: number) {
    super();
    this.seed = seed;
    this.random = new SeededRandom(seed ^ 0x3a1f);
    this.options = drawStreamOptions(seed);
    this.network = new NodeNetwork({
      region: REGION,
      clock: this.clock,
      random: new SeededRandom(seed * 13 + 5),
    });
    this.#made = Array.from({ length: this.options.partitions }, (_, number) =>
      this.#newPartition(number),
    );
    this.streams = this.#newStreams();
    this.nodes = ZONES.map(
      (zone, at) => new StreamNode(this, zone, new SeededRandom(seed * 31 + at + 7)),
    );
  }

  #newPartition(number: number): StreamPartition {
    const truth = new StreamTruth({
      isUsers: (table) => table === this.table,
      nowMs: () => this.clock.wallMs(),
      violate: (message) => {
        this.violate('truth', `partition ${number}: ${message}`);
      },
      count: (event) => {
        this.count(event);
      },
    });
    return { number, truth };
  }

  /** The region as its clients ask it: any node that answers. */
  readonly served: ServedRegion = {
    name: REGION,
    serving: (isWrite = false) => {
      const ready = this.nodes.filter((node) => node.ready !== undefined);
      if (ready.length === 0) return undefined;
      const asked = pickFrom(this.random, ready);
      const { life, engine } = present(asked.ready, 'one that answers');
      if (isWrite) {
        const tell = this.onTransaction;
        this.onTransaction = undefined;
        tell?.(asked);
      }
      return { region: engine.region, life };
    },
  };

  /** By number, with those that splits have made. */
  get partitions(): readonly StreamPartition[] {
    return this.#made.slice(0, this.layout.count);
  }

  /** Which partition has which hashes, as the streams say. */
  get layout(): Layout {
    return layoutOf(this.options.partitions, this.#made);
  }

  partition(number: number): StreamPartition {
    return present(this.#made[number], `partition ${number}`);
  }

  /** A split needs a stream before anything of it stands anywhere. */
  #streamMade(number: number): void {
    if (number < this.#made.length) return;
    if (number > this.#made.length)
      this.violate('stream', `partition ${number} has a stream and ${this.#made.length} none`);
    this.#made.push(this.#newPartition(number));
  }

  #newStreams(): ModelStreams {
    return new ModelStreams({
      clock: this.clock,
      random: ({ stream: { partition }, incarnation }) =>
        new SeededRandom(this.seed * 7 + partition + 16 * incarnation),
      faults: this.brokerFaults,
      count: (event) => {
        this.count(event);
      },
      onMade: ({ stream: { partition, generation }, incarnation }, by) => {
        this.note('WORLD', `${by} makes stream ${generation} of partition ${partition}`);
        this.#streamMade(partition);
        if (incarnation > 1 && this.loss?.partition !== partition)
          this.violate('stream', `partition ${partition} is taken for lost by ${by}, and is not`);
      },
      onStored: (message, { stream: { partition, generation }, incarnation }) => {
        const { truth } = this.partition(partition);
        if (truth.take(message, incarnation) !== 'began') return;
        this.note('WORLD', `partition ${partition} goes on in stream ${generation}`);
        if (this.loss?.partition === partition) this.loss.begun = this.tick();
        this.count('stream rebuilt');
      },
    });
  }

  /** Whether what is in a partition is not what its stream says, for now. */
  isInDoubt(partition: number): boolean {
    const { loss } = this;
    return loss !== undefined && loss.partition === partition && loss.until === undefined;
  }
}
