/** What the operations port shows and switches: a region, whether it runs or is stopped. */
export interface OperationsTarget {
  readonly region: string;
  /** The regions that this one has links to. */
  peers(): readonly string[];
  /** A scrape, also while the region is stopped. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Whether the process can go on: false only when a restart of it is the remedy. */
  health(): HealthView;
  /** Whether the region answers clients. Not while it is stopped. */
  readiness(): HealthView;
  /** Everything about this region's replication, as JSON: outboxes, inboxes, tables, clocks. */
  replication(): JsonObject;
  zones(): readonly ZoneView[];
  links(): readonly LinkView[];
  /** Sets the link from this region to `peer`, one of `peers()`. */
  setLink(peer: string, change: LinkChange): void;
  /** Stopping what is stopped and starting what runs is no error. */
  stopRegion(): Promise<void>;
  startRegion(): Promise<void>;
  stopZone(zone: ZoneName): Promise<void>;
  startZone(zone: ZoneName): Promise<void>;
}

export const ZONE_NAMES = ['a', 'b', 'c'] as const;

export type ZoneName = (typeof ZONE_NAMES)[number];

export interface HealthView {
  readonly ok: boolean;
  /** Why not, in words; empty when `ok`. */
  readonly reasons: readonly string[];
}

/** A zone as its storage node sees it, with what else is worth knowing (applied positions, progress of a rebuild). */
export interface ZoneView extends JsonObject {
  readonly zone: ZoneName;
  readonly state: string;
}

export interface LinkView {
  readonly peer: string;
  readonly up: boolean;
  readonly delayMs: number;
}

export interface LinkChange {
  readonly up?: boolean;
  readonly delayMs?: number;
}

export type Json = string | number | boolean | null | undefined | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [name: string]: Json;
}
