import { ClientError } from '../../model/errors.ts';
import type { Table } from '../../model/table.ts';
import type { ReplicaView } from '../../region/region.ts';
import type { Operation } from '../operation.ts';
import { checkedInput } from '../request-shape.ts';
import { globalTableNotFound } from '../table-feature-messages.ts';
import { parseTableName } from '../table-name.ts';

interface DescribeTableReplicaAutoScalingInput {
  readonly TableName: string;
}

/** Only global tables have this side, the asked region's replica included. Source: measured, DDB-TABLE-187 and 189. */
export const describeTableReplicaAutoScalingOperation: Operation = {
  name: 'DescribeTableReplicaAutoScaling',
  async run({ region }, input) {
    const { TableName } = checkedInput<DescribeTableReplicaAutoScalingInput>(
      'DescribeTableReplicaAutoScaling',
      input,
    );
    const name = parseTableName(TableName, region);
    const table = region.findTable(name);
    if (table?.global === undefined) {
      throw new ClientError('ResourceNotFoundException', globalTableNotFound(name));
    }
    const here: ReplicaView = { region: region.name, status: table.status };
    const replicas = [...region.replicas(table), here].toSorted(byRegion);
    return JSON.stringify({
      TableAutoScalingDescription: {
        TableName: name,
        TableStatus: table.status,
        Replicas: replicas.map((replica) => describeReplica(replica, table)),
      },
    });
  },
};

const byRegion = (a: ReplicaView, b: ReplicaView): number => (a.region < b.region ? -1 : 1);

/** How what was never scaled by itself reads. */
const NEVER_SCALED = { AutoScalingDisabled: true, ScalingPolicies: [] };

const describeReplica = (replica: ReplicaView, { indexes = [] }: Table): object => ({
  RegionName: replica.region,
  GlobalSecondaryIndexes: indexes
    .filter(({ definition, status }) => definition.kind === 'global' && status !== 'CREATING')
    .map(({ definition, status }) => ({
      IndexName: definition.name,
      IndexStatus: status,
      ProvisionedReadCapacityAutoScalingSettings: NEVER_SCALED,
      ProvisionedWriteCapacityAutoScalingSettings: NEVER_SCALED,
    })),
  ReplicaProvisionedReadCapacityAutoScalingSettings: NEVER_SCALED,
  ReplicaProvisionedWriteCapacityAutoScalingSettings: NEVER_SCALED,
  ReplicaStatus: replica.status,
});
