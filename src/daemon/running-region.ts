import type { OperationsTarget } from './operations-target.ts';

/** One region as it runs in this process: its endpoint, its operations port, and all that is behind them. */
export interface RunningRegion {
  readonly name: string;
  /** Where SDKs connect: `http://127.0.0.1:8001`. */
  readonly endpoint: string;
  readonly operationsEndpoint: string;
  /** What the operations port answers and changes; the lab's screen and keys use it directly. */
  readonly operations: OperationsTarget;
  /**
   * Stops accepting, answers what is in flight (5 seconds at most), syncs, closes. Waits for no peer. Never rejects.
   */
  stop(): Promise<void>;
}
