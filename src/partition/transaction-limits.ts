/** How long a committed request is known by its client's token: DynamoDB's ten minutes. */
export const tokenKeptMs = 10 * 60_000;

/** A transaction that is older is never committed, so that its cancellation need not be known for ever. */
export const undecidedMsMax = 60_000;

/**
 * How long a cancellation is kept: longer than anyone could still ask for the opposite. A commitment is kept until all
 * participants have finished.
 */
export const decisionKeptMs = 2 * undecidedMsMax;

/**
 * What one entry says of a transaction's items at the most, with old images and entries of local indexes. A request may be small and
 * change many large items; what is far larger than this no log takes, or reads again.
 */
export const effectBytesMax = 32 * 1024 * 1024;
