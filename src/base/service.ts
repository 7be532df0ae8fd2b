/**
 * The one lifecycle of everything that runs: `start` once, then `stop` once. `stop` drains what is
 * in flight within its own named limit, releases everything, and never rejects.
 */
export interface Service {
  start(): Promise<void>;
  stop(): Promise<void>;
}
