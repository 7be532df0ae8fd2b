import { finite, flag, members, optional, text } from '../base/shape.ts';
import type { StreamPosition } from './stream-source.ts';
import {
  definitionJson,
  readTriggerDefinition,
  type TriggerDefinition,
} from './trigger-definition.ts';

/**
 * Format of both documents. 1: `trigger/NAME` has the definition as JSON, whether it is paused, when it was made, and the stream
 * that it follows; `trigger-position/NAME/SHARD` has the position in a shard of that stream, and whether it is done.
 */
const VERSION = 1;

const triggerPrefix = 'trigger/';
const positionPrefix = 'trigger-position/';

/** Where documents of the region are kept: see `SystemDocuments`. */
export interface DocumentStore {
  put(name: string, document: unknown): Promise<void>;
  delete(name: string): Promise<void>;
}

export interface KeptTrigger {
  readonly definition: TriggerDefinition;
  readonly isPaused: boolean;
  readonly createdMs: number;
  /** The stream that it follows; undefined before it has begun. */
  readonly streamArn: string | undefined;
}

export interface KeptPosition {
  readonly streamArn: string;
  readonly position: StreamPosition;
  /** Whether all of the shard is done. */
  readonly isDone: boolean;
}

const triggerShape = members<{
  readonly version: number;
  readonly isPaused: boolean;
  readonly createdMs: number;
  readonly streamArn: string | undefined;
}>({ version: finite, isPaused: flag, createdMs: finite, streamArn: optional(text) });

const positionShape = members<KeptPosition & { readonly version: number }>({
  version: finite,
  streamArn: text,
  position: text,
  isDone: flag,
});

/** A document that this program does not read: of a later one, or damaged. */
class TriggerDocumentError extends Error {
  override readonly name = 'TriggerDocumentError';
}

/** A region's triggers and how far each is, in memory and as documents of the region: what is kept here is durable. */
export class TriggerDocuments {
  readonly #store: DocumentStore;
  readonly #triggers = new Map<string, KeptTrigger>();
  readonly #unreadable = new Map<string, string>();
  /** By trigger and shard. */
  readonly #positions = new Map<string, Map<string, KeptPosition>>();

  constructor(store: DocumentStore) {
    this.#store = store;
  }

  /**
   * Takes over what is kept. Call once, before anything else. A trigger of which a document cannot be read is left out, as
   * `unreadable` tells, and left alone: a region does without it rather than not at all.
   */
  load(documents: ReadonlyMap<string, unknown>): void {
    for (const [name, document] of documents) {
      try {
        this.#loadOne(name, document);
      } catch (error) {
        this.#unreadable.set(
          triggerOf(name),
          error instanceof Error ? error.message : String(error),
        );
      }
    }
    for (const name of this.#unreadable.keys()) this.#triggers.delete(name);
  }

  #loadOne(name: string, document: unknown): void {
    if (name.startsWith(triggerPrefix))
      this.#triggers.set(triggerOf(name), keptTrigger(name, document));
    if (name.startsWith(positionPrefix))
      this.#positionsOf(triggerOf(name)).set(shardOf(name), keptPosition(name, document));
  }

  /** Triggers that are kept and cannot be read, with why. */
  get unreadable(): ReadonlyMap<string, string> {
    return this.#unreadable;
  }

  /** By name, in order. */
  get triggers(): readonly KeptTrigger[] {
    const names = [...this.#triggers.keys()].toSorted();
    return names.flatMap((name) => this.#triggers.get(name) ?? []);
  }

  trigger(name: string): KeptTrigger | undefined {
    return this.#triggers.get(name);
  }

  positions(trigger: string): ReadonlyMap<string, KeptPosition> {
    return this.#positionsOf(trigger);
  }

  async putTrigger(trigger: KeptTrigger): Promise<void> {
    const { definition, isPaused, createdMs, streamArn } = trigger;
    const { name } = definition;
    await this.#store.put(triggerPrefix + name, {
      version: VERSION,
      definition: definitionJson(definition),
      isPaused,
      createdMs,
      streamArn,
    });
    this.#triggers.set(name, trigger);
  }

  /** The positions first: a trigger of the same name begins anew. */
  async deleteTrigger(name: string): Promise<void> {
    for (const shard of this.#positionsOf(name).keys()) await this.deletePosition(name, shard);
    await this.#store.delete(triggerPrefix + name);
    this.#triggers.delete(name);
    this.#positions.delete(name);
  }

  async putPosition(trigger: string, shard: string, position: KeptPosition): Promise<void> {
    await this.#store.put(nameOf(trigger, shard), { version: VERSION, ...position });
    this.#positionsOf(trigger).set(shard, position);
  }

  async deletePosition(trigger: string, shard: string): Promise<void> {
    await this.#store.delete(nameOf(trigger, shard));
    this.#positionsOf(trigger).delete(shard);
  }

  #positionsOf(trigger: string): Map<string, KeptPosition> {
    let positions = this.#positions.get(trigger);
    if (positions === undefined) {
      positions = new Map();
      this.#positions.set(trigger, positions);
    }
    return positions;
  }
}

const triggerOf = (name: string): string => name.split('/')[1] ?? '';

const shardOf = (name: string): string => name.split('/')[2] ?? '';

const nameOf = (trigger: string, shard: string): string => `${positionPrefix}${trigger}/${shard}`;

function keptTrigger(name: string, document: unknown): KeptTrigger {
  const { version, ...rest } = triggerShape(document, name);
  assertVersion(name, version);
  const reading = readTriggerDefinition(Object(document).definition);
  if (reading.kind === 'wrong')
    throw new TriggerDocumentError(`${name}: ${reading.problems.join('; ')}`);
  return { definition: reading.definition, ...rest };
}

function keptPosition(name: string, document: unknown): KeptPosition {
  const { version, ...position } = positionShape(document, name);
  assertVersion(name, version);
  return position;
}

function assertVersion(name: string, version: number): void {
  if (version !== VERSION)
    throw new TriggerDocumentError(
      `${name} has format ${version}, which a later program wrote; this one reads ${VERSION}`,
    );
}
