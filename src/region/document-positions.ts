import type { OriginPositions, PositionStore } from '../replication/position-store.ts';
import { WireError } from '../replication/byte-codec.ts';
import { decodeStoredPositions, encodeStoredPositions } from '../replication/wire.ts';
import type { SystemDocuments } from './system-documents.ts';

const prefix = 'inbox/';

/** Positions as documents of the region, so that whichever node has its seat finds them: one per origin. */
export class DocumentPositions implements PositionStore {
  readonly #documents: SystemDocuments;
  readonly #kept: ReadonlyMap<string, unknown>;

  /** `kept`: all documents of the region as they stand. */
  constructor(documents: SystemDocuments, kept: ReadonlyMap<string, unknown>) {
    this.#documents = documents;
    this.#kept = kept;
  }

  async save(origin: string, positions: OriginPositions): Promise<void> {
    const bytes = encodeStoredPositions(positions);
    await this.#documents.put(prefix + origin, {
      positions: Buffer.from(bytes).toString('base64'),
    });
  }

  /** As it stood when this was made. Rejects with `WireError` or `FrameError` for what `save` did not write. */
  async load(origin: string): Promise<OriginPositions | undefined> {
    const name = prefix + origin;
    if (!this.#kept.has(name)) return undefined;
    return decodeStoredPositions(Buffer.from(positionsIn(name, this.#kept.get(name)), 'base64'));
  }
}

function positionsIn(name: string, document: unknown): string {
  const isObject = typeof document === 'object' && document !== null;
  const text: unknown = isObject && 'positions' in document ? document.positions : undefined;
  if (typeof text === 'string') return text;
  throw new WireError('damaged', `the document ${name} holds no positions`);
}
