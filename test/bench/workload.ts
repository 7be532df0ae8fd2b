import type { TargetName } from './targets.ts';

export interface Workload {
  /** The operation's name; what a request is called with. */
  readonly name: string;
  readonly itemsPerRequest: number;
  /** The targets that it is measured on; each that takes every operation unless given. */
  readonly targets?: readonly TargetName[];
  /** How many connections it is measured with, whatever others are. */
  readonly connections?: readonly number[];
  /** The table whose pages it asks for, one after the other; its requests are the first page only. */
  readonly scans?: string;
  /**
   * A pool of different requests that a connection goes through, each of which succeeds any number of times. `items` is how
   * many the table has, where that is not always the same.
   */
  requests(items?: number): readonly Buffer[];
}

export interface FillBatch {
  /** By table. */
  readonly RequestItems: Readonly<Record<string, readonly object[]>>;
}
