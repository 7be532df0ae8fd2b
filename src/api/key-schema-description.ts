import type { KeyAttributes } from '../model/table.ts';

/** A key as `KeySchema` of the service model. */
export const describeKeySchema = ({ partition, sort }: KeyAttributes): readonly unknown[] => [
  ...partition.map(({ name }) => ({ AttributeName: name, KeyType: 'HASH' })),
  ...sort.map(({ name }) => ({ AttributeName: name, KeyType: 'RANGE' })),
];
