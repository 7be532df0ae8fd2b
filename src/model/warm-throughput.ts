import type { IndexDefinition, TableDefinition, Throughput } from './table.ts';

/** What a new table of mode PAY_PER_REQUEST, or an index of one, can take at once. */
export const ON_DEMAND_WARM: Throughput = { read: 12_000, write: 4000 };

type Warm = Pick<TableDefinition, 'billingMode' | 'provisionedThroughput' | 'warmThroughput'>;

/** What a table can take at once, units per second. Source: measured, DDB-TABLE-032 and 134 of api-quirks. */
export function warmThroughputOf(definition: Warm): Throughput {
  return (
    definition.warmThroughput ??
    (definition.billingMode === 'PAY_PER_REQUEST'
      ? ON_DEMAND_WARM
      : definition.provisionedThroughput)
  );
}

const NOTHING: Throughput = { read: 0, write: 0 };

/** The same of a global index of a table of that mode. */
export const warmThroughputOfIndex = (
  { provisionedThroughput = NOTHING, warmThroughput }: IndexDefinition,
  billingMode: TableDefinition['billingMode'],
): Throughput =>
  warmThroughputOf({
    billingMode,
    provisionedThroughput,
    ...(warmThroughput !== undefined && { warmThroughput }),
  });

/** The larger of each. */
export const largerThroughput = (a: Throughput, b: Throughput): Throughput => ({
  read: Math.max(a.read, b.read),
  write: Math.max(a.write, b.write),
});
