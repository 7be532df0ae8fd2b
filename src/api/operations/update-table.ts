import { ClientError, validationError } from '../../model/errors.ts';
import type { Region, ReplicaChange } from '../../region/region.ts';
import {
  NOTHING_TO_UPDATE,
  REPLICAS_AND_MORE,
  REPLICA_ACTIONS_MORE_THAN_ONE,
  REPLICA_ACTION_KINDS_MORE_THAN_ONE,
  REPLICA_ACTION_MISSING,
  REPLICA_LOCAL_REGION,
  notSupported,
} from '../api-messages.ts';
import type { Input, Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import { namedTable, refuseMembers } from '../table-access.ts';
import { describeTable } from '../table-description.ts';

interface UpdateTableInput {
  readonly TableName: string;
  readonly ReplicaUpdates?: readonly ReplicaUpdate[];
  readonly MultiRegionConsistency?: 'EVENTUAL' | 'STRONG';
}

type ReplicaUpdate = Readonly<
  Partial<Record<'Create' | 'Update' | 'Delete', Readonly<Record<string, unknown>>>>
>;

/** What UpdateTable may change in DynamoDB, beside replicas. */
const OTHER_CHANGES = [
  'AttributeDefinitions',
  'BillingMode',
  'ProvisionedThroughput',
  'GlobalSecondaryIndexUpdates',
  'StreamSpecification',
  'SSESpecification',
  'TableClass',
  'DeletionProtectionEnabled',
  'OnDemandThroughput',
  'WarmThroughput',
  'GlobalTableSettingsReplicationMode',
  'VectorIndexUpdates',
] as const;

const REPLICA_OVERRIDES = [
  'KMSMasterKeyId',
  'ProvisionedThroughputOverride',
  'OnDemandThroughputOverride',
  'GlobalSecondaryIndexes',
  'TableClassOverride',
] as const;

export const updateTableOperation: Operation = {
  name: 'UpdateTable',
  async run(context, input) {
    const request = checkedInput<UpdateTableInput>('UpdateTable', input);
    const change = replicaChange(request, input, context.region);
    const { name } = namedTable(context.region, request.TableName);
    if (change.region === context.region.name) throw validationError(REPLICA_LOCAL_REGION);
    const table = await context.region.changeReplica(name, change);
    return JSON.stringify({ TableDescription: describeTable(context, table) });
  },
};

function replicaChange(request: UpdateTableInput, input: Input, region: Region): ReplicaChange {
  const others = OTHER_CHANGES.filter((member) => input[member] !== undefined);
  const updates = request.ReplicaUpdates;
  if (updates !== undefined && updates.length > 0 && others.length > 0) {
    throw validationError(REPLICAS_AND_MORE);
  }
  refuseMembers(input, ['GlobalTableWitnessUpdates', ...OTHER_CHANGES]);
  if (request.MultiRegionConsistency === 'STRONG') {
    throw validationError(notSupported('MultiRegionConsistency STRONG'));
  }
  if (updates === undefined || updates.length === 0) throw validationError(NOTHING_TO_UPDATE);
  return singleChange(updates.map((update) => changeOf(update, request.TableName, region)));
}

/** One action in a call; the same one twice counts once. */
function singleChange(changes: readonly ReplicaChange[]): ReplicaChange {
  const [first] = changes;
  if (first === undefined) throw validationError(REPLICA_ACTION_MISSING);
  const same = changes.every(({ kind, region }) => kind === first.kind && region === first.region);
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
  if (change !== undefined) {
    const overridden = REPLICA_OVERRIDES.some((member) => change[member] !== undefined);
    throw validationError(overridden ? notSupported('Replica Update') : REPLICA_ACTION_MISSING);
  }
  const target = action['RegionName'];
  if (typeof target !== 'string' || target === '') throw regionMissing(tableName, region);
  refuseMembers(action, REPLICA_OVERRIDES);
  return { kind: create === undefined ? 'delete' : 'create', region: target };
}

/** DynamoDB looks for the permission to read a table of no region, and finds none. */
function regionMissing(tableName: string, { accountId }: Region): ClientError {
  return new ClientError(
    'AccessDeniedException',
    `User: arn:aws:iam::${accountId}:root is not authorized to perform: dynamodb:Scan on resource: ` +
      `arn:aws:dynamodb::${accountId}:table/${tableName}`,
  );
}
