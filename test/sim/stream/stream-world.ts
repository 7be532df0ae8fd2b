import { present } from '../../../src/base/assert.ts';
import { LogError } from '../../../src/log/replicated-log.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { Chronicle } from '../chronicle.ts';
import { isBug } from '../client.ts';
import { REGION } from './candidate.ts';
import { type BrokerFaults, StreamModel } from './stream-model.ts';
import { StreamNode } from './stream-node.ts';
import { drawStreamOptions, type StreamOptions } from './stream-options.ts';
import { StreamTruth } from './stream-truth.ts';

const ZONES = ['a', 'b', 'c'] as const;

/** What became of a stream that lost something: places in the order of events, and what stood afterwards. */
export interface Loss {
  readonly partition: number;
  readonly kind: 'stream went back' | 'stream lost';
  readonly since: number;
  until: number | undefined;
  content: ReadonlyMap<string, string>;
}

export interface StreamPartition {
  readonly number: number;
  readonly truth: StreamTruth;
  stream: StreamModel;
}

/** One region of several nodes over a broker's streams, from one seed. */
export class StreamWorld extends Chronicle {
  readonly seed: number;
  readonly options: StreamOptions;
  readonly random: SeededRandom;
  readonly regions = [{ name: REGION }];
  readonly brokerFaults: BrokerFaults = { refused: 0, unknown: 0, straggler: 0, notFound: 0 };
  readonly nodes: readonly StreamNode[];
  readonly partitions: readonly StreamPartition[];
  /** One at most. */
  loss: Loss | undefined;
  /** A stream is being rebuilt, with all nodes at rest. */
  isRebuilding = false;
  #onLost: ((partition: number) => void) | undefined;
  #streams = 0;

  constructor(seed: number) {
    super();
    this.seed = seed;
    this.random = new SeededRandom(seed ^ 0x3a1f);
    this.options = drawStreamOptions(seed);
    this.partitions = Array.from({ length: this.options.partitions }, (_, number) => ({
      number,
      truth: new StreamTruth(
        (message) => this.violate('truth', `partition ${number}: ${message}`),
        (event) => this.count(event),
      ),
      stream: this.newStream(number),
    }));
    this.nodes = ZONES.slice(0, this.options.nodes).map(
      (zone, at) => new StreamNode(this, zone, new SeededRandom(seed * 31 + at + 7)),
    );
  }

  partition(number: number): StreamPartition {
    return present(this.partitions[number], `partition ${number}`);
  }

  newStream(number: number): StreamModel {
    this.#streams += 1;
    return new StreamModel(`log-${number}-${this.#streams}`, {
      clock: this.clock,
      random: new SeededRandom(this.seed * 7 + this.#streams),
      faults: this.brokerFaults,
      count: (event) => this.count(event),
      onStored: (message, stream) => {
        const partition = this.partition(number);
        // Nobody follows a stream that was given up.
        if (partition.stream === stream) partition.truth.take(message);
      },
    });
  }

  onLost(listener: (partition: number) => void): void {
    this.#onLost = listener;
  }

  /** A node says that a stream is lost. */
  lost(partition: number, why: string): void {
    const { loss } = this;
    if (!this.isRebuilding) this.note('WORLD', `partition ${partition} is lost, says ${why}`);
    if (loss?.partition !== partition) {
      this.violate('stream', `partition ${partition} is taken for lost, and is not: ${why}`);
      return;
    }
    if (loss.until === undefined && !this.isRebuilding) this.#onLost?.(partition);
  }

  /** Whether what is in a partition is not what its stream says, for now. */
  isInDoubt(partition: number): boolean {
    const { loss } = this;
    return loss !== undefined && loss.partition === partition && loss.until === undefined;
  }

  /** Something in a node ended with an error. */
  failed(who: string, error: unknown): void {
    if (isBug(error)) this.violate('errors', `${who} met ${String(error)} ${stackOf(error)}`);
    else if (!(error instanceof LogError && error.code === 'unavailable'))
      this.violate('errors', `${who} met ${String(error)}`);
  }
}

const stackOf = (error: unknown): string =>
  error instanceof Error
    ? (error.stack ?? '')
        .split('\n')
        .slice(1, 5)
        .map((line) => line.trim().replace(/\(?(file:\/\/)?\/.*\/(src|test)\//, '($2/'))
        .join(' < ')
    : '';
