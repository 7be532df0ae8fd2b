import { ClientError, validationError } from '../model/errors.ts';
import type { ReplicaOverrides } from '../model/table.ts';
import type { Region, ReplicaChange } from '../region/region.ts';
import { refuseMembers } from './table-access.ts';
import {
  REPLICA_ACTION_KINDS_MORE_THAN_ONE,
  REPLICA_ACTION_MISSING,
  REPLICA_ACTIONS_MORE_THAN_ONE,
  REPLICA_LOCAL_REGION,
} from './table-messages.ts';
import { onDemandOf } from './throughput-request.ts';

export type ReplicaUpdate = Readonly<
  Partial<Record<'Create' | 'Update' | 'Delete', Readonly<Record<string, unknown>>>>
>;

interface ReadOverride {
  readonly ProvisionedThroughputOverride?: { readonly ReadCapacityUnits?: number };
  readonly OnDemandThroughputOverride?: { readonly MaxReadRequestUnits?: number };
}

interface ReplicaSettings extends ReadOverride {
  readonly TableClassOverride?: ReplicaOverrides['tableClass'];
  readonly GlobalSecondaryIndexes?: readonly (ReadOverride & { readonly IndexName: string })[];
}

/** The one change of replicas that a request asks for. Throws `ValidationException`, `AccessDeniedException`. */
export function replicaChangeOf(
  updates: readonly ReplicaUpdate[],
  { tableName, region }: { readonly tableName: string; readonly region: Region },
): ReplicaChange {
  return singleChange(updates.map((update) => changeOf(update, tableName, region)));
}

/** Throws `ValidationException` for the asked region's own replica. */
export function checkReplicaElsewhere(change: ReplicaChange, region: Region): void {
  if (change.region === region.name) throw validationError(REPLICA_LOCAL_REGION);
}

/** One action in a call; the same one twice counts once. */
function singleChange(changes: readonly ReplicaChange[]): ReplicaChange {
  const [first] = changes;
  if (first === undefined) throw validationError(REPLICA_ACTION_MISSING);
  const asked = JSON.stringify(first);
  const same = changes.every((change) => JSON.stringify(change) === asked);
  if (!same || (first.kind === 'delete' && changes.length > 1)) {
    throw validationError(REPLICA_ACTIONS_MORE_THAN_ONE);
  }
  return first;
}

function changeOf(update: ReplicaUpdate, tableName: string, region: Region): ReplicaChange {
  const { Create: create, Update: change, Delete: remove } = update;
  const actions = [create, change, remove].filter((action) => action !== undefined);
  if (actions.length > 1) throw validationError(REPLICA_ACTION_KINDS_MORE_THAN_ONE);
  const action = actions[0];
  if (action === undefined) throw validationError(REPLICA_ACTION_MISSING);
  const target = action['RegionName'];
  if (typeof target !== 'string' || target === '') throw regionMissing(tableName, region);
  if (remove !== undefined) return { kind: 'delete', region: target };
  refuseMembers(action, ['KMSMasterKeyId']);
  const overrides = overridesOf(action);
  if (change !== undefined && overrides === undefined)
    throw validationError(REPLICA_ACTION_MISSING);
  return create === undefined
    ? { kind: 'update', region: target, overrides: overrides ?? {} }
    : { kind: 'create', region: target, overrides };
}

function overridesOf(settings: ReplicaSettings): ReplicaOverrides | undefined {
  const { TableClassOverride: tableClass, GlobalSecondaryIndexes: indexes } = settings;
  const overrides: ReplicaOverrides = {
    ...readOverride(settings, undefined),
    ...(tableClass !== undefined && { tableClass }),
    ...(indexes !== undefined && {
      indexes: indexes.map((index) => ({
        name: index.IndexName,
        ...readOverride(index, index.IndexName),
      })),
    }),
  };
  return Object.keys(overrides).length === 0 ? undefined : overrides;
}

function readOverride(
  { ProvisionedThroughputOverride: provisioned, OnDemandThroughputOverride: bound }: ReadOverride,
  index: string | undefined,
): Pick<ReplicaOverrides, 'read' | 'onDemandRead'> {
  const read = provisioned?.ReadCapacityUnits;
  const { read: onDemandRead } = onDemandOf(bound ?? {}, { index, clears: true });
  return {
    ...(read !== undefined && { read }),
    ...(onDemandRead !== undefined && { onDemandRead }),
  };
}

/** DynamoDB looks for the permission to read a table of no region, and finds none. */
function regionMissing(tableName: string, { accountId }: Region): ClientError {
  return new ClientError(
    'AccessDeniedException',
    `User: arn:aws:iam::${accountId}:root is not authorized to perform: dynamodb:Scan on resource: ` +
      `arn:aws:dynamodb::${accountId}:table/${tableName}`,
  );
}
