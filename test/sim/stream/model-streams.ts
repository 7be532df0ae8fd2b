import { present } from '../../../src/base/assert.ts';
import type { Clock } from '../../../src/base/clock.ts';
import type { Random } from '../../../src/base/random.ts';
import type { RegionStreams } from '../../../src/daemon/node-logs.ts';
import { BrokerError } from '../../../src/log/jetstream/stream-broker.ts';
import type { LogStream } from '../../../src/log/jetstream/stream-names.ts';
import {
  type BrokerFaults,
  type BrokerLink,
  type ModelMessage,
  StreamModel,
} from './stream-model.ts';

/** How long a process waits for an answer, as the real one does. */
const answerMs = 2000;

export interface ModelStreamsOptions {
  readonly clock: Clock;
  /** A stream's own. */
  readonly random: (made: MadeStream) => Random;
  readonly faults: BrokerFaults;
  readonly count: (event: string) => void;
  /** A process makes a stream that is not there. */
  readonly onMade: (made: MadeStream, by: string) => void;
  readonly onStored: (message: ModelMessage, made: MadeStream) => void;
}

/** One whose nodes have all forgotten a lost stream may be made under its name again. */
export interface MadeStream {
  readonly stream: LogStream;
  /** Which one of its partition's it is, from 1, as they were made. */
  readonly incarnation: number;
}

interface Kept extends MadeStream {
  readonly model: StreamModel;
}

/** The streams of a region's logs, as its broker has them. */
export class ModelStreams {
  readonly #options: ModelStreamsOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #made = new Map<number, number>();

  constructor(options: ModelStreamsOptions) {
    this.#options = options;
  }

  /** As the process sees them that has this link. */
  over(link: BrokerLink): RegionStreams {
    return {
      list: async () => {
        await this.#reach(link);
        return [...this.#kept.values()]
          .filter(({ model }) => model.exists)
          .map(({ stream }) => stream)
          .toSorted((a, b) => a.partition - b.partition || a.generation - b.generation);
      },
      create: async (stream) => {
        await this.#reach(link);
        if (this.#kept.get(nameOf(stream))?.model.exists === true) return;
        this.#options.onMade(this.#make(stream), link.name);
      },
      broker: (stream) =>
        (this.#kept.get(nameOf(stream))?.model ?? this.#none(stream)).connect(link),
    };
  }

  /** The partition's stream that was made last. */
  newest(partition: number): Kept {
    const own = [...this.#kept.values()].filter(({ stream }) => stream.partition === partition);
    const newest = own.toSorted((a, b) => a.incarnation - b.incarnation).at(-1);
    return present(newest, `a stream of partition ${partition}`);
  }

  async #reach(link: BrokerLink): Promise<void> {
    const { clock, faults } = this.#options;
    await clock.sleep(1);
    const isRefused = faults.refused > 0.5;
    if (!link.isCut && !isRefused) return;
    await clock.sleep(answerMs);
    throw new BrokerError('unreachable', 'the broker does not answer');
  }

  #make(stream: LogStream): Kept {
    const { clock, random, faults, count, onStored } = this.#options;
    const incarnation = (this.#made.get(stream.partition) ?? 0) + 1;
    this.#made.set(stream.partition, incarnation);
    const model = new StreamModel(nameOf(stream), {
      clock,
      random: random({ stream, incarnation }),
      faults,
      count,
      answerMs,
      onStored: (message) => {
        onStored(message, { stream, incarnation });
      },
    });
    const kept = { stream, incarnation, model };
    this.#kept.set(nameOf(stream), kept);
    return kept;
  }

  /** What is asked of a stream that was never made. */
  #none(stream: LogStream): StreamModel {
    const { clock, random, faults, count } = this.#options;
    const model = new StreamModel(nameOf(stream), {
      clock,
      random: random({ stream, incarnation: 0 }),
      faults,
      count,
    });
    model.disappear();
    return model;
  }
}

const nameOf = ({ partition, generation }: LogStream): string => `p${partition}-g${generation}`;
