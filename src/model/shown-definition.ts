import type { IndexDefinition, Table, TableDefinition, TableUpdateKind } from './table.ts';

/** Which part of the definition is shown as it was while an update of that kind is under way. */
const SHOWN_BEFORE = {
  throughput: ['provisionedThroughput', 'warmThroughput'],
  billing: ['warmThroughput', 'onDemandThroughput'],
  stream: [],
  class: ['tableClass'],
  encryption: ['encryption'],
  warm: ['warmThroughput'],
  index: [],
  allocation: [],
} as const satisfies Readonly<Record<TableUpdateKind, readonly (keyof TableDefinition)[]>>;

/**
 * The definition as DescribeTable shows it: throughput, class, warm throughput and encryption are as they were while
 * their change is under way. Source: measured, DDB-TABLE-060, 165, 179, 284 and 371 of api-quirks.
 */
export function shownDefinition({ definition, updates = [] }: Table): TableDefinition {
  let shown = definition;
  for (const { kind, index, before } of updates.toReversed()) {
    const members = SHOWN_BEFORE[kind].map((member) => [member, before[member]] as const);
    const indexes = shown.indexes?.map((each) =>
      kind === 'index' && each.name === index ? shownIndex(each, before) : each,
    );
    shown = { ...shown, ...Object.fromEntries(members), ...(indexes !== undefined && { indexes }) };
  }
  return shown;
}

/** A bound of an index is shown at once. Source: measured, DDB-TABLE-135 of api-quirks. */
function shownIndex(index: IndexDefinition, { indexes }: TableDefinition): IndexDefinition {
  const before = indexes?.find(({ name }) => name === index.name);
  if (before === undefined) return index;
  const { provisionedThroughput, warmThroughput } = before;
  return {
    ...index,
    ...(provisionedThroughput !== undefined && { provisionedThroughput }),
    ...(warmThroughput !== undefined && { warmThroughput }),
  };
}
