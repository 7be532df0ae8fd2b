import type { GreetedNode } from './lab-greeting.ts';
import type { LabRegion } from './lab-region.ts';

/** A lab that runs, or as much of it as did start. */
export interface StartedLab {
  readonly regions: readonly LabRegion[];
  /** Why a region did not start, in words; empty when all run. */
  readonly failures: readonly string[];
  readonly greeted: readonly GreetedNode[];
  /** In order. Never rejects. */
  stop(): Promise<void>;
}
