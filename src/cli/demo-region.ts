import type { PinnedClient } from './demo-clients.ts';
import type { DemoLabRegion } from './demo-lab.ts';

/** A region of the demo's lab, with the SDK client that is pinned to it. */
export interface DemoRegion extends DemoLabRegion {
  readonly client: PinnedClient;
}
