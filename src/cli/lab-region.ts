import type {
  HealthView,
  JsonObject,
  LinkChange,
  LinkView,
  ZoneName,
} from '../daemon/operations-target.ts';

/** One region as the lab shows and switches it, whether it runs in this process or in others. */
export interface LabRegion {
  readonly name: string;
  /** Where SDKs connect. */
  readonly endpoint: string;
  readonly operations: LabOperations;
}

/** What the lab asks of a region: `OperationsTarget` at once, or the same over HTTP. */
export interface LabOperations {
  readonly region: string;
  metrics(): Promise<{ readonly text: string }>;
  readiness(): Soon<HealthView>;
  replication(): Soon<JsonObject>;
  zones(): Soon<readonly LabZone[]>;
  links(): Soon<readonly LinkView[]>;
  setLink(peer: string, change: LinkChange): Soon<void>;
  stopRegion(): Promise<void>;
  startRegion(): Promise<void>;
  stopZone(zone: ZoneName): Promise<void>;
  startZone(zone: ZoneName): Promise<void>;
}

export interface LabZone {
  readonly zone: ZoneName;
  readonly state: string;
}

type Soon<T> = T | Promise<T>;
