import { validationError } from '../../model/errors.ts';
import type { KeySchema, TableClass, TableDefinition } from '../../model/table.ts';
import { warmThroughputOf } from '../../model/warm-throughput.ts';
import type { TableSettings } from '../../region/region.ts';
import { indexesOf, type IndexMembers } from '../index-request.ts';
import {
  attributeDefinitionsOf,
  checkDefinedOnce,
  checkKeyPair,
  checkTableKeyDefined,
  keyAttributesOf,
  type AttributeDefinitionMember,
  type KeySchemaElement,
} from '../key-schema-request.ts';
import type { Operation, OperationContext } from '../operation.ts';
import { checkedTableInput } from '../request-shape.ts';
import { refuseMembers } from '../table-access.ts';
import { describeNewTable } from '../table-description.ts';
import {
  KEY_ATTRIBUTE_UNDEFINED,
  POLICY_NOT_JSON,
  policyTooLarge,
  THROUGHPUT_MISSING,
  THROUGHPUT_WITH_PAY_PER_REQUEST,
} from '../table-messages.ts';
import { parseTableName } from '../table-name.ts';
import {
  checkTableClass,
  encryptionOf,
  newStreamOf,
  type EncryptionMember,
  type StreamMember,
} from '../table-settings-request.ts';
import { type TagMember, validateTags } from '../tags.ts';
import {
  boundsOf,
  type OnDemandMember,
  type ThroughputMember,
  throughputOf,
  type WarmMember,
} from '../throughput-request.ts';

interface CreateTableInput extends IndexMembers {
  readonly TableName: string;
  readonly AttributeDefinitions: readonly AttributeDefinitionMember[];
  readonly KeySchema: readonly KeySchemaElement[];
  readonly BillingMode?: TableDefinition['billingMode'];
  /** Another name of `BillingMode`, which goes before it. */
  readonly TableThroughputMode?: TableDefinition['billingMode'];
  readonly ProvisionedThroughput?: ThroughputMember;
  readonly OnDemandThroughput?: OnDemandMember;
  readonly WarmThroughput?: WarmMember;
  readonly StreamSpecification?: StreamMember;
  readonly SSESpecification?: EncryptionMember;
  readonly TableClass?: TableClass;
  readonly DeletionProtectionEnabled?: boolean;
  readonly Tags?: readonly TagMember[];
  readonly ResourcePolicy?: string;
}

const NOT_SUPPORTED = [
  'GlobalTableSourceArn',
  'GlobalTableSettingsReplicationMode',
  'VectorIndexes',
] as const;

export const createTableOperation: Operation = {
  name: 'CreateTable',
  async run(context, input) {
    checkTableClass(input);
    const request = checkedTableInput<CreateTableInput>('CreateTable', input);
    const name = parseTableName(request.TableName, context.region);
    refuseMembers(input, NOT_SUPPORTED);
    const definition = definitionOf(request);
    const settings = settingsOf(request, context);
    const table = await context.region.createTable(name, definition, settings);
    const isWarmSaid = request.WarmThroughput !== undefined;
    const description = describeNewTable(context, table, { isWarmSaid });
    return JSON.stringify({ TableDescription: description });
  },
};

function definitionOf(request: CreateTableInput): TableDefinition {
  const {
    TableThroughputMode: throughputMode = 'PROVISIONED',
    BillingMode: billingMode = throughputMode,
    KeySchema: key,
    TableClass: tableClass,
  } = request;
  const provisionedThroughput = newThroughput(billingMode, request.ProvisionedThroughput);
  const definitions = attributeDefinitionsOf(request.AttributeDefinitions);
  checkTableKeyDefined(key, definitions);
  checkDefinedOnce(definitions);
  checkKeyPair(key);
  const indexes = indexesOf(request, { key, definitions, billingMode });
  const units = billingMode === 'PROVISIONED' ? provisionedThroughput : undefined;
  const bounds = boundsOf(request, { billingMode, units, index: undefined });
  const stream = newStreamOf(request.StreamSpecification);
  const encryption = encryptionOf(request.SSESpecification ?? {});
  return {
    keySchema: keySchemaOf(key, definitions),
    attributeDefinitions: definitions,
    billingMode,
    provisionedThroughput,
    warmThroughput: warmThroughputOf({ billingMode, provisionedThroughput }),
    ...bounds,
    ...(indexes.length > 0 && { indexes }),
    ...(stream !== undefined && { stream }),
    ...(encryption !== 'off' && { encryption }),
    ...(tableClass !== undefined && { tableClass }),
  };
}

function newThroughput(
  billingMode: TableDefinition['billingMode'],
  member: ThroughputMember | undefined,
): TableDefinition['provisionedThroughput'] {
  if (billingMode === 'PAY_PER_REQUEST') {
    if (member !== undefined) throw validationError(THROUGHPUT_WITH_PAY_PER_REQUEST);
    return { read: 0, write: 0 };
  }
  if (member === undefined) throw validationError(THROUGHPUT_MISSING);
  return throughputOf(member, undefined);
}

function keySchemaOf(
  key: readonly KeySchemaElement[],
  definitions: TableDefinition['attributeDefinitions'],
): KeySchema {
  const {
    partition: [partition],
    sort: [sort],
  } = keyAttributesOf(key, definitions);
  if (partition === undefined) throw validationError(KEY_ATTRIBUTE_UNDEFINED);
  return { partition, sort };
}

/** A policy is kept, not enforced; its revision is the moment in which it was given. */
function settingsOf(request: CreateTableInput, { clock }: OperationContext): TableSettings {
  const { Tags: tags, ResourcePolicy: policy } = request;
  const isProtected = request.DeletionProtectionEnabled === true;
  return {
    ...(isProtected && { deletionProtection: true }),
    ...(tags !== undefined && tags.length > 0 && { tags: validateTags(tags) }),
    ...(policy !== undefined && {
      resourcePolicy: {
        document: checkedPolicy(policy),
        revisionId: String(Math.floor(clock.wallMs())),
      },
    }),
  };
}

const POLICY_BYTES_MAX = 20_480;

/** What it says is not looked at. */
function checkedPolicy(policy: string): string {
  if (Buffer.byteLength(policy) > POLICY_BYTES_MAX)
    throw validationError(policyTooLarge(POLICY_BYTES_MAX));
  try {
    JSON.parse(policy);
  } catch {
    throw validationError(POLICY_NOT_JSON);
  }
  return policy;
}
