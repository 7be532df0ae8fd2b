import { present } from '../../base/assert.ts';
import { type Disk, DiskError } from '../../base/disk.ts';
import { type Random, randomUuid } from '../../base/random.ts';
import { LogError } from '../replicated-log.ts';
import { LogFileSet } from './log-file-set.ts';
import {
  formIdentities,
  latestMembers,
  readIdentity,
  STORAGE_NODE_FORMAT,
  type StorageNodeIdentity,
  writeIdentity,
  type Zone,
  ZONES,
} from './storage-node-identity.ts';
import type { ZoneLog } from './zone-log.ts';

/** Which of a region's storage nodes are who they should be, and who of them votes. */
export class StorageNodes {
  readonly #region: string;
  readonly #random: Random;
  readonly #disks = new Map<Zone, Disk>();
  readonly #identities = new Map<Zone, StorageNodeIdentity>();
  readonly #broken = new Map<Zone, DiskError>();

  constructor(
    region: string,
    random: Random,
    zones: readonly { readonly zone: Zone; readonly disk: Disk }[],
  ) {
    this.#region = region;
    this.#random = random;
    for (const { zone, disk } of zones) this.#disks.set(zone, disk);
  }

  /** Reads who the nodes of these zones are; forms a new region when all three are there and blank. */
  async read(zones: readonly Zone[]): Promise<void> {
    for (const zone of zones) {
      this.#identities.delete(zone);
      this.#broken.delete(zone);
      try {
        const identity = await readIdentity(this.#disk(zone), { region: this.#region, zone });
        if (identity !== undefined) this.#identities.set(zone, identity);
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        this.#broken.set(zone, error);
      }
    }
    const formed = [...this.#identities.values()].some((identity) => identity.formed);
    if (!formed && zones.length === ZONES.length && this.#broken.size === 0) await this.#form();
  }

  /** Why the disk did not even say who it is; undefined when it did. */
  failure(zone: Zone): DiskError | undefined {
    return this.#broken.get(zone);
  }

  /** Whether the node is known to the others under its id: if not, what is in its log counts for nothing. */
  isMember(zone: Zone): boolean {
    const id = this.#identities.get(zone)?.id;
    return id !== undefined && latestMembers([...this.#identities.values()])?.members[zone] === id;
  }

  isVoter(zone: Zone): boolean {
    return this.isMember(zone) && this.#identities.get(zone)?.voter === true;
  }

  /** Makes the node a new one without a vote, and then deletes what it had of the log. */
  async renew(zone: Zone): Promise<void> {
    const latest = present(latestMembers([...this.#identities.values()]), 'a member');
    await this.#write(zone, {
      format: STORAGE_NODE_FORMAT,
      region: this.#region,
      zone,
      id: randomUuid(this.#random),
      voter: false,
      formed: true,
      membersVersion: 0,
      members: latest.members,
    });
    await LogFileSet.wipe(this.#disk(zone));
  }

  /** Takes the node's vote, durably, before its log loses anything. */
  async demote(zone: Zone): Promise<void> {
    const identity = present(this.#identities.get(zone), `the identity of zone ${zone}`);
    if (identity.voter) await this.#write(zone, { ...identity, voter: false });
  }

  /** Gives the node its vote: the others learn its id first. `others` are the zones that are open. */
  async promote(zone: Zone, others: readonly Zone[]): Promise<void> {
    const identity = present(this.#identities.get(zone), `the identity of zone ${zone}`);
    const latest = present(latestMembers([...this.#identities.values()]), 'a member');
    const members = { ...latest.members, [zone]: identity.id };
    const known = latest.members[zone] === identity.id;
    const membersVersion = latest.membersVersion + (known ? 0 : 1);
    for (const other of others) {
      const theirs = this.#identities.get(other);
      if (other === zone || theirs === undefined || known) continue;
      await this.#write(other, { ...theirs, members, membersVersion });
    }
    await this.#write(zone, { ...identity, voter: true, members, membersVersion });
  }

  async #form(): Promise<void> {
    const identities = formIdentities(this.#region, this.#random);
    for (const zone of ZONES) await this.#write(zone, identities[zone]);
    for (const zone of ZONES) await this.#write(zone, { ...identities[zone], formed: true });
  }

  async #write(zone: Zone, identity: StorageNodeIdentity): Promise<void> {
    await writeIdentity(this.#disk(zone), identity);
    this.#identities.set(zone, identity);
  }

  #disk(zone: Zone): Disk {
    return present(this.#disks.get(zone), `the disk of zone ${zone}`);
  }
}

/**
 * Opens the log of a storage node. `renew`: it is blank, damaged or unknown to the others, and stays closed until
 * it is made anew. `failed`: its disk does not work.
 */
export async function openStorageNode(
  nodes: StorageNodes,
  zone: ZoneLog,
): Promise<'open' | 'renew' | 'failed'> {
  zone.voter = false;
  const failure = nodes.failure(zone.zone);
  if (failure !== undefined) {
    await zone.close('failed', failure);
    return 'failed';
  }
  // What a read found may stand in a segment that opening does not read.
  if (!nodes.isMember(zone.zone) || zone.isDamaged) return 'renew';
  try {
    await zone.open();
    zone.voter = nodes.isVoter(zone.zone);
    return 'open';
  } catch (error) {
    if (error instanceof LogError && error.code === 'damaged') {
      await zone.close('damaged', error);
      return 'renew';
    }
    if (!(error instanceof DiskError)) throw error;
    await zone.close('failed', error);
    return 'failed';
  }
}
