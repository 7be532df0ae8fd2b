import type { Disk } from '../../base/disk.ts';
import { type Random, randomUuid } from '../../base/random.ts';
import { StorageNodeError } from './storage-node-error.ts';

export type Zone = 'a' | 'b' | 'c';
export const ZONES: readonly Zone[] = ['a', 'b', 'c'];

/** The format of a storage node's directory. History: 1, the first. */
export const STORAGE_NODE_FORMAT = 1;
const FILE_NAME = 'storage-node.json';

/**
 * Who a storage node is, as its directory says. A node votes on where a log ends only when it says so
 * itself and the latest list of members knows its id: so a disk that was blank, or an old one that came
 * back after it was replaced, has no say.
 */
export interface StorageNodeIdentity {
  readonly format: number;
  readonly region: string;
  readonly zone: Zone;
  readonly id: string;
  readonly voter: boolean;
  /** False until all three directories of a new region have been written. */
  readonly formed: boolean;
  /** Grows with each change of `members`. */
  readonly membersVersion: number;
  readonly members: Readonly<Record<Zone, string>>;
}

/** The identity in a directory, or undefined when it has none. Throws `StorageNodeError` for a foreign one. */
export async function readIdentity(
  disk: Disk,
  expected: { readonly region: string; readonly zone: Zone },
): Promise<StorageNodeIdentity | undefined> {
  const bytes = await disk.readAll(FILE_NAME);
  if (bytes === undefined) return undefined;
  const identity = parse(Buffer.from(bytes).toString('utf8'));
  if (identity === undefined) return undefined;
  const { region, zone } = expected;
  if (identity.format !== STORAGE_NODE_FORMAT)
    throw new StorageNodeError(
      'format',
      `the directory of zone ${zone} has format ${identity.format}; this program reads format ${STORAGE_NODE_FORMAT}`,
    );
  if (identity.region !== region)
    throw new StorageNodeError(
      'region',
      `the directory of zone ${zone} belongs to region ${identity.region}, not to ${region}`,
    );
  if (identity.zone !== zone)
    throw new StorageNodeError(
      'zone',
      `the directory of zone ${zone} belongs to zone ${identity.zone}`,
    );
  return identity;
}

export async function writeIdentity(disk: Disk, identity: StorageNodeIdentity): Promise<void> {
  await disk.replace(FILE_NAME, Buffer.from(`${JSON.stringify(identity, undefined, 2)}\n`));
}

/** The identities of a region that begins: three voters that know each other. */
export function formIdentities(
  region: string,
  random: Random,
): Readonly<Record<Zone, StorageNodeIdentity>> {
  const members = { a: randomUuid(random), b: randomUuid(random), c: randomUuid(random) };
  const identity = (zone: Zone): StorageNodeIdentity => ({
    format: STORAGE_NODE_FORMAT,
    region,
    zone,
    id: members[zone],
    voter: true,
    formed: false,
    membersVersion: 1,
    members,
  });
  return { a: identity('a'), b: identity('b'), c: identity('c') };
}

/** What the newest of the identities says of who is a member. */
export function latestMembers(
  identities: readonly StorageNodeIdentity[],
): Pick<StorageNodeIdentity, 'members' | 'membersVersion'> | undefined {
  let latest: StorageNodeIdentity | undefined;
  for (const identity of identities)
    if (latest === undefined || identity.membersVersion > latest.membersVersion) latest = identity;
  return latest;
}

/** A file that is no identity at all counts as none: the node is blank, and a blank one has no vote. */
function parse(text: string): StorageNodeIdentity | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isIdentity(value) ? value : undefined;
}

function isIdentity(value: unknown): value is StorageNodeIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Partial<Record<keyof StorageNodeIdentity, unknown>>;
  if (typeof fields.format !== 'number') return false;
  if (fields.format !== STORAGE_NODE_FORMAT) return true;
  const { members } = fields;
  return (
    typeof fields.region === 'string' &&
    typeof fields.id === 'string' &&
    typeof fields.voter === 'boolean' &&
    typeof fields.formed === 'boolean' &&
    typeof fields.membersVersion === 'number' &&
    ZONES.some((zone) => zone === fields.zone) &&
    typeof members === 'object' &&
    members !== null &&
    ZONES.every((zone) => typeof (members as Partial<Record<Zone, unknown>>)[zone] === 'string')
  );
}
