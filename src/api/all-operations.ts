import type { Operation } from './operation.ts';
import { batchExecuteStatementOperation } from './operations/batch-execute-statement.ts';
import { batchGetItemOperation } from './operations/batch-get-item.ts';
import { batchWriteItemOperation } from './operations/batch-write-item.ts';
import { createGlobalTableOperation } from './operations/create-global-table.ts';
import { createTableOperation } from './operations/create-table.ts';
import { deleteBackupOperation } from './operations/delete-backup.ts';
import { deleteItemOperation } from './operations/delete-item.ts';
import { deleteTableOperation } from './operations/delete-table.ts';
import { describeBackupOperation } from './operations/describe-backup.ts';
import { describeContinuousBackupsOperation } from './operations/describe-continuous-backups.ts';
import { describeContributorInsightsOperation } from './operations/describe-contributor-insights.ts';
import { describeEndpointsOperation } from './operations/describe-endpoints.ts';
import { describeExportOperation } from './operations/describe-export.ts';
import { describeGlobalTableSettingsOperation } from './operations/describe-global-table-settings.ts';
import { describeGlobalTableOperation } from './operations/describe-global-table.ts';
import { describeImportOperation } from './operations/describe-import.ts';
import { describeKinesisStreamingDestinationOperation } from './operations/describe-kinesis-streaming-destination.ts';
import { describeLimitsOperation } from './operations/describe-limits.ts';
import { describeStreamOperation } from './operations/describe-stream.ts';
import { describeTableReplicaAutoScalingOperation } from './operations/describe-table-replica-auto-scaling.ts';
import { describeTableOperation } from './operations/describe-table.ts';
import { describeTimeToLiveOperation } from './operations/describe-time-to-live.ts';
import { executeStatementOperation } from './operations/execute-statement.ts';
import { executeTransactionOperation } from './operations/execute-transaction.ts';
import { getItemOperation } from './operations/get-item.ts';
import { getRecordsOperation } from './operations/get-records.ts';
import { getResourcePolicyOperation } from './operations/get-resource-policy.ts';
import { getShardIteratorOperation } from './operations/get-shard-iterator.ts';
import { listBackupsOperation } from './operations/list-backups.ts';
import { listContributorInsightsOperation } from './operations/list-contributor-insights.ts';
import { listExportsOperation } from './operations/list-exports.ts';
import { listGlobalTablesOperation } from './operations/list-global-tables.ts';
import { listImportsOperation } from './operations/list-imports.ts';
import { listStreamsOperation } from './operations/list-streams.ts';
import { listTablesOperation } from './operations/list-tables.ts';
import { listTagsOfResourceOperation } from './operations/list-tags-of-resource.ts';
import { putItemOperation } from './operations/put-item.ts';
import { queryOperation } from './operations/query.ts';
import { scanOperation } from './operations/scan.ts';
import { tagResourceOperation } from './operations/tag-resource.ts';
import { transactGetItemsOperation } from './operations/transact-get-items.ts';
import { transactWriteItemsOperation } from './operations/transact-write-items.ts';
import { untagResourceOperation } from './operations/untag-resource.ts';
import { updateGlobalTableSettingsOperation } from './operations/update-global-table-settings.ts';
import { updateGlobalTableOperation } from './operations/update-global-table.ts';
import { updateItemOperation } from './operations/update-item.ts';
import { updateTableOperation } from './operations/update-table.ts';
import { updateTimeToLiveOperation } from './operations/update-time-to-live.ts';

/** Every operation that the API knows; any other is answered as unknown. */
export const OPERATIONS: readonly Operation[] = [
  batchExecuteStatementOperation,
  batchGetItemOperation,
  batchWriteItemOperation,
  createGlobalTableOperation,
  createTableOperation,
  deleteBackupOperation,
  deleteItemOperation,
  deleteTableOperation,
  describeBackupOperation,
  describeContinuousBackupsOperation,
  describeContributorInsightsOperation,
  describeEndpointsOperation,
  describeExportOperation,
  describeGlobalTableSettingsOperation,
  describeGlobalTableOperation,
  describeImportOperation,
  describeKinesisStreamingDestinationOperation,
  describeLimitsOperation,
  describeStreamOperation,
  describeTableReplicaAutoScalingOperation,
  describeTableOperation,
  describeTimeToLiveOperation,
  executeStatementOperation,
  executeTransactionOperation,
  getItemOperation,
  getRecordsOperation,
  getResourcePolicyOperation,
  getShardIteratorOperation,
  listBackupsOperation,
  listContributorInsightsOperation,
  listExportsOperation,
  listGlobalTablesOperation,
  listImportsOperation,
  listStreamsOperation,
  listTablesOperation,
  listTagsOfResourceOperation,
  putItemOperation,
  queryOperation,
  scanOperation,
  tagResourceOperation,
  transactGetItemsOperation,
  transactWriteItemsOperation,
  untagResourceOperation,
  updateGlobalTableSettingsOperation,
  updateGlobalTableOperation,
  updateItemOperation,
  updateTableOperation,
  updateTimeToLiveOperation,
];
