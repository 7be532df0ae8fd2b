/** What is measured at half of its peak rate: every operation on a single item, and Query. */
export const LATENCY_OPERATIONS: readonly string[] = [
  'GetItem',
  'PutItem',
  'UpdateItem',
  'Put and DeleteItem',
  'Query',
];
