import type { Service } from '../base/service.ts';
import type { Bus } from './bus.ts';
import type { LinkState } from './link.ts';

/** The links from one region to its peers; the settings outlive a stop of the region. */
export interface OutgoingLinks {
  get(to: string): LinkState;
  /** Holds for what is sent from now on. Throws `RangeError` for an impossible delay. */
  set(to: string, change: Partial<LinkState>): void;
}

/**
 * A region's `Bus` whose links to its peers can be cut and slowed, each direction by its sending side. Stopped, it neither
 * receives nor answers; it may be started again, without handlers.
 */
export interface LinkedBus extends Bus, Service {
  readonly links: OutgoingLinks;
}
