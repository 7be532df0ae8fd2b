import {
  readTriggerDefinition,
  type TriggerDefinition,
} from '../../src/triggers/trigger-definition.ts';
import { TriggerDocuments } from '../../src/triggers/trigger-documents.ts';
import {
  EVENT_BYTES_MAX,
  type DeadLetters,
  type InvocationOutcome,
  type TargetInvocation,
  type TargetMaker,
  type TriggerTarget,
} from '../../src/triggers/trigger-target.ts';
import { Triggers } from '../../src/triggers/triggers.ts';
import { CountingMetrics } from './counting-metrics.ts';
import { MemoryLogger } from './memory-logger.ts';
import { MemoryStream } from './memory-stream.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface SeenRecord {
  readonly key: string;
  readonly value: number;
  readonly sequenceNumber: string;
}

/** What a consumer says to a batch. */
export type Consumer = (
  records: readonly SeenRecord[],
  invocation: TargetInvocation,
) => Promise<InvocationOutcome> | InvocationOutcome;

export const OK: InvocationOutcome = { kind: 'answered', payload: undefined };

export const FAILED: InvocationOutcome = {
  kind: 'failed',
  words: 'as asked',
  statusCode: 200,
  functionError: 'Unhandled',
};

export const UNREACHABLE: InvocationOutcome = { kind: 'unreachable', words: 'away' };

/** Triggers over a stream in memory, in virtual time; what they keep outlives `crash`. */
export class TriggerWorld {
  readonly clock = VirtualClock.quick();
  readonly stream = new MemoryStream();
  readonly logger = new MemoryLogger();
  readonly metrics = new CountingMetrics();
  readonly random: SeededRandom;
  readonly kept = new Map<string, unknown>();
  /** Batches that the consumer was given. */
  readonly batches: (readonly SeenRecord[])[] = [];
  readonly letters: unknown[] = [];
  letterFailures = 0;
  keepFailures = 0;
  keptCount = 0;
  readonly eventBytesMax: number;
  invocationsNow = 0;
  invocationsMost = 0;
  consumer: Consumer = () => OK;
  triggers: Triggers;

  constructor(seed = 1, eventBytesMax = EVENT_BYTES_MAX) {
    this.eventBytesMax = eventBytesMax;
    this.random = new SeededRandom(seed);
    this.triggers = this.#triggers();
  }

  async start(): Promise<void> {
    await this.triggers.start();
  }

  /** As if the process had gone and come back: nothing is kept on the way out. */
  async crash(): Promise<void> {
    const kept = new Map(this.kept);
    await this.stop();
    this.kept.clear();
    for (const [name, document] of kept) this.kept.set(name, document);
    this.triggers = this.#triggers();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.clock.runUntilSettled(this.triggers.stop());
  }

  async create(settings: Readonly<Record<string, unknown>>): Promise<void> {
    const definition = definitionOf(settings);
    await this.clock.runUntilSettled(this.triggers.create(definition, { isPaused: false }));
  }

  /** The keys' values, in the order in which the consumer has seen them. */
  seen(key: string): readonly number[] {
    return this.batches.flatMap((batch) =>
      batch.filter((record) => record.key === key).map(({ value }) => value),
    );
  }

  #triggers(): Triggers {
    const documents = new TriggerDocuments({
      put: async (name, document) => {
        if (this.keepFailures > 0) {
          this.keepFailures -= 1;
          throw new Error('two zones cannot be had');
        }
        this.keptCount += 1;
        this.kept.set(name, JSON.parse(JSON.stringify(document)));
      },
      delete: async (name) => {
        this.kept.delete(name);
      },
    });
    documents.load(this.kept);
    return new Triggers({
      region: 'us-east-1',
      accountId: '000000000000',
      documents,
      source: this.stream,
      targets: this.#targets(),
      clock: this.clock,
      random: this.random,
      logger: this.logger,
      metrics: this.metrics,
    });
  }

  #targets(): TargetMaker {
    const { eventBytesMax } = this;
    return {
      target: (): TriggerTarget => ({
        eventBytesMax,
        invoke: async (invocation) => this.#invoke(invocation),
        stop: async () => {},
      }),
      deadLetters: (): DeadLetters => ({
        put: async (letter) => {
          if (this.letterFailures > 0) {
            this.letterFailures -= 1;
            throw new Error('the disk is full');
          }
          this.letters.push(JSON.parse(letter));
        },
        stop: async () => {},
      }),
      problemOf: async () => undefined,
      stop: async () => {},
    };
  }

  async #invoke(invocation: TargetInvocation): Promise<InvocationOutcome> {
    const { Records }: { readonly Records: readonly RawRecord[] } = JSON.parse(invocation.event);
    const records = Records.map(({ dynamodb }) => ({
      key: dynamodb.Keys.id.S,
      value: Number(dynamodb.NewImage.value.N),
      sequenceNumber: dynamodb.SequenceNumber,
    }));
    this.batches.push(records);
    this.invocationsNow += 1;
    this.invocationsMost = Math.max(this.invocationsMost, this.invocationsNow);
    const outcome = await this.consumer(records, invocation);
    this.invocationsNow -= 1;
    return outcome;
  }
}

interface RawRecord {
  readonly dynamodb: {
    readonly Keys: { readonly id: { readonly S: string } };
    readonly NewImage: { readonly value: { readonly N: string } };
    readonly SequenceNumber: string;
  };
}

/** A definition of a trigger `t` of table `orders`, from the beginning on, but for what is said. */
export function definitionOf(settings: Readonly<Record<string, unknown>>): TriggerDefinition {
  const reading = readTriggerDefinition({
    name: 't',
    table: 'orders',
    to: 'http://127.0.0.1:1/',
    startingPosition: 'TRIM_HORIZON',
    ...settings,
  });
  if (reading.kind === 'wrong') throw new Error(reading.problems.join('; '));
  return reading.definition;
}

export const SHARD = 'shard-1';

/** A world with a table `orders` that has a stream of one open shard. */
export async function ordersWorld(
  seed = 1,
  choices: Partial<Pick<TriggerWorld, 'eventBytesMax'>> = {},
): Promise<{ readonly world: TriggerWorld; readonly streamArn: string }> {
  const world = new TriggerWorld(seed, choices.eventBytesMax);
  const streamArn = world.stream.enable('orders', '2026-01-01T00:00:00.000');
  world.stream.open(streamArn, SHARD);
  await world.start();
  return { world, streamArn };
}

export const valuesIn = (batch: readonly SeenRecord[]): readonly number[] =>
  batch.map(({ value }) => value);

/** The answer that reports one record as failed. */
export const report = (sequenceNumber: string | undefined): InvocationOutcome => ({
  kind: 'answered',
  payload: { batchItemFailures: [{ itemIdentifier: sequenceNumber }] },
});
