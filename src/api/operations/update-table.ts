import { validationError } from '../../model/errors.ts';
import { notSupported } from '../api-messages.ts';
import type { Input, Operation } from '../operation.ts';
import { checkReplicaElsewhere, replicaChangeOf, type ReplicaUpdate } from '../replica-updates.ts';
import { checkedTableInput } from '../request-shape.ts';
import { namedTable, refuseMembers } from '../table-access.ts';
import {
  changingMembers,
  checkIndexUnits,
  tableChangeOf,
  type TableChangeMembers,
} from '../table-change-request.ts';
import { describeTable, describeUpdatedTable } from '../table-description.ts';
import {
  nothingToUpdate,
  REPLICAS_AND_MORE,
  REPLICAS_OR_WITNESSES_AND_MORE,
  SETTINGS_REPLICATION_OF_REGIONAL,
  WITNESS_WITHOUT_STRONG,
} from '../table-messages.ts';
import { checkTableClass } from '../table-settings-request.ts';

interface UpdateTableInput extends TableChangeMembers {
  readonly TableName: string;
  /** Another name of `BillingMode`, which goes before it. */
  readonly TableThroughputMode?: TableChangeMembers['BillingMode'];
  readonly ReplicaUpdates?: readonly ReplicaUpdate[];
  readonly MultiRegionConsistency?: 'EVENTUAL' | 'STRONG';
  readonly GlobalTableWitnessUpdates?: readonly unknown[];
}

const NOT_SUPPORTED = ['GlobalTableSettingsReplicationMode', 'VectorIndexUpdates'] as const;

export const updateTableOperation: Operation = {
  name: 'UpdateTable',
  async run(context, input) {
    const { region } = context;
    checkTableClass(input);
    const request = inOneMode(checkedTableInput<UpdateTableInput>('UpdateTable', input));
    checkReach(request, input);
    const { TableName: tableName, ReplicaUpdates: updates } = request;
    if (updates !== undefined && updates.length > 0) {
      const change = replicaChangeOf(updates, { tableName, region });
      const { name } = namedTable(region, tableName);
      checkReplicaElsewhere(change, region);
      const table = await region.changeReplica(name, change);
      return JSON.stringify({ TableDescription: describeTable(context, table) });
    }
    const change = tableChangeOf(request);
    const { name } = namedTable(region, tableName);
    checkIndexUnits(request);
    const table = await region.updateTable(name, change);
    return JSON.stringify({ TableDescription: describeUpdatedTable(context, table, change) });
  },
};

function inOneMode(request: UpdateTableInput): UpdateTableInput {
  const { BillingMode, TableThroughputMode: mode } = request;
  return BillingMode === undefined && mode !== undefined
    ? { ...request, BillingMode: mode }
    : request;
}

/** Whether it asks for something that there is, and for replicas alone when it does for them. */
function checkReach(request: UpdateTableInput, input: Input): void {
  const { ReplicaUpdates: replicas = [], GlobalTableWitnessUpdates: witnesses } = request;
  const { MultiRegionConsistency: consistency } = request;
  const changing = changingMembers(request);
  if (replicas.length > 0 && changing.length > 0)
    throw validationError(
      witnesses === undefined ? REPLICAS_AND_MORE : REPLICAS_OR_WITNESSES_AND_MORE,
    );
  if (input['GlobalTableSettingsReplicationMode'] === 'ENABLED_WITH_OVERRIDES')
    throw validationError(SETTINGS_REPLICATION_OF_REGIONAL);
  refuseMembers(input, NOT_SUPPORTED);
  if (changing.length === 0 && replicas.length === 0)
    throw validationError(
      nothingToUpdate(consistency === undefined ? [] : ['MultiRegionConsistency']),
    );
  if (witnesses !== undefined && consistency !== 'STRONG')
    throw validationError(WITNESS_WITHOUT_STRONG);
  if (consistency === 'STRONG')
    throw validationError(notSupported('MultiRegionConsistency STRONG'));
}
