import { members, text } from '../base/shape.ts';
import type { OriginPositions, PositionStore } from '../replication/position-store.ts';
import { decodeStoredPositions, encodeStoredPositions } from '../replication/wire.ts';
import type { SystemDocuments } from './system-documents.ts';

const prefix = 'inbox/';

const documentShape = members<{ readonly positions: string }>({ positions: text });

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

  /** As it stood when this was made. Rejects with `ShapeError` or `WireError` for what `save` did not write. */
  async load(origin: string): Promise<OriginPositions | undefined> {
    const document = this.#kept.get(prefix + origin);
    if (document === undefined) return undefined;
    const { positions } = documentShape(document, prefix + origin);
    return decodeStoredPositions(Buffer.from(positions, 'base64'));
  }
}
