import { Catalogue } from './catalogue.ts';

const NO_CHANGES = {
  put: async (): Promise<void> => {},
  delete: async (): Promise<void> => {},
};

/**
 * Whether the region's documents say of a global index that it is ACTIVE, and `known` does not yet. It was filled before that
 * was said, but not everywhere: a copy may be yet to apply what it was filled with. Throws `ShapeError`.
 */
export function bringsIndex(known: Catalogue, documents: ReadonlyMap<string, unknown>): boolean {
  const next = new Catalogue(NO_CHANGES, () => []);
  next.load(documents);
  return next.all.some(({ indexes = [] }) =>
    indexes.some(
      ({ number, status, definition }) =>
        status === 'ACTIVE' &&
        definition.kind === 'global' &&
        known.indexByNumber(number)?.index.status !== 'ACTIVE',
    ),
  );
}
