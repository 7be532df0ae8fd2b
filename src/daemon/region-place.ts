import type { Disk } from '../base/disk.ts';
import type { Zone } from '../log/embedded/storage-node-identity.ts';
import type { ZoneStores } from '../partition/zone-stores.ts';

/** Where a region keeps what it has: a data directory, or disks in memory. */
export interface RegionPlace extends ZoneStores {
  /** Of one zone's log, and of its storage node's identity. Rejects with `DiskError`. */
  logDisk(zone: Zone): Promise<Disk>;
  /** Of where the region stands with its peers' logs. Rejects with `DiskError`. */
  positionsDisk(): Promise<Disk>;
}
