/** What is measured at half of its peak rate. */
export const LATENCY_OPERATIONS: readonly string[] = ['GetItem', 'PutItem', 'UpdateItem', 'Query'];
