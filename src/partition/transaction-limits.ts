/** How long a committed request is known by its client's token: DynamoDB's ten minutes. */
export const tokenKeptMs = 10 * 60_000;

/** A transaction that is older is never committed, so that its cancellation need not be known for ever. */
export const undecidedMsMax = 60_000;

/**
 * How long a cancellation is kept: longer than anyone could still ask for the opposite. A commitment is kept until all
 * participants have finished.
 */
export const decisionKeptMs = 2 * undecidedMsMax;
