import { validationError } from '../../model/errors.ts';
import type {
  AttributeDefinition,
  KeySchema,
  KeyType,
  TableDefinition,
} from '../../model/table.ts';
import {
  ATTRIBUTE_DEFINITIONS_UNUSED,
  FIRST_KEY_NOT_HASH,
  KEY_ATTRIBUTE_UNDEFINED,
  KEY_NAMES_EQUAL,
  SECOND_KEY_NOT_RANGE,
  THROUGHPUT_MISSING,
  THROUGHPUT_WITH_PAY_PER_REQUEST,
  attributeDefinedTwice,
  keyAttributesUndefined,
  notSupported,
  throughputOutOfBounds,
} from '../api-messages.ts';
import type { Operation } from '../operation.ts';
import { checkedInput, nullMembers } from '../request-shape.ts';
import { refuseMembers } from '../table-access.ts';
import { describeTable } from '../table-description.ts';
import { parseTableName } from '../table-name.ts';

interface CreateTableInput {
  readonly TableName: string;
  readonly AttributeDefinitions?: readonly {
    readonly AttributeName: string;
    readonly AttributeType: KeyType;
  }[];
  readonly KeySchema?: readonly {
    readonly AttributeName: string;
    readonly KeyType: 'HASH' | 'RANGE';
  }[];
  readonly BillingMode?: 'PROVISIONED' | 'PAY_PER_REQUEST';
  readonly ProvisionedThroughput?: Throughput;
  readonly StreamSpecification?: { readonly StreamEnabled: boolean };
  readonly TableClass?: string;
  readonly DeletionProtectionEnabled?: boolean;
}

interface Throughput {
  readonly ReadCapacityUnits: number;
  readonly WriteCapacityUnits: number;
}

/** What one may ask for of a table's throughput, in units. */
const THROUGHPUT_UNITS_MAX = 1_000_000_000_000;

const NOT_SUPPORTED = [
  'LocalSecondaryIndexes',
  'GlobalSecondaryIndexes',
  'SSESpecification',
  'Tags',
  'WarmThroughput',
  'ResourcePolicy',
  'OnDemandThroughput',
  'GlobalTableSourceArn',
  'GlobalTableSettingsReplicationMode',
  'VectorIndexes',
] as const;

export const createTableOperation: Operation = {
  name: 'CreateTable',
  async run(context, input) {
    const request = checkedInput<CreateTableInput>('CreateTable', input);
    const name = parseTableName(request.TableName, context.region);
    refuseUnsupported(request, input);
    const definition = tableDefinition(request);
    const table = await context.region.createTable(name, definition);
    return JSON.stringify({ TableDescription: describeTable(context, table) });
  },
};

/** Values that say what is so anyway are let through. */
function refuseUnsupported(
  request: CreateTableInput,
  input: Readonly<Record<string, unknown>>,
): void {
  refuseMembers(input, NOT_SUPPORTED);
  if (request.StreamSpecification?.StreamEnabled === true) {
    throw validationError(notSupported('StreamSpecification'));
  }
  if (request.TableClass !== undefined && request.TableClass !== 'STANDARD') {
    throw validationError(notSupported(`TableClass ${request.TableClass}`));
  }
  if (request.DeletionProtectionEnabled === true) {
    throw validationError(notSupported('DeletionProtectionEnabled'));
  }
}

function tableDefinition(request: CreateTableInput): TableDefinition {
  const billingMode = request.BillingMode ?? 'PROVISIONED';
  const provisionedThroughput = throughputOf(billingMode, request.ProvisionedThroughput);
  const attributeDefinitions = (request.AttributeDefinitions ?? []).map(
    ({ AttributeName: name, AttributeType: type }) => ({ name, type }),
  );
  const keySchema = keySchemaOf(request.KeySchema, attributeDefinitions);
  return { keySchema, attributeDefinitions, billingMode, provisionedThroughput };
}

function throughputOf(
  billingMode: TableDefinition['billingMode'],
  throughput: Throughput | undefined,
): TableDefinition['provisionedThroughput'] {
  if (billingMode === 'PAY_PER_REQUEST') {
    if (throughput !== undefined) throw validationError(THROUGHPUT_WITH_PAY_PER_REQUEST);
    return { read: 0, write: 0 };
  }
  if (throughput === undefined) throw validationError(THROUGHPUT_MISSING);
  for (const member of ['ReadCapacityUnits', 'WriteCapacityUnits'] as const) {
    if (throughput[member] > THROUGHPUT_UNITS_MAX) {
      throw validationError(throughputOutOfBounds(throughput[member], member));
    }
  }
  return { read: throughput.ReadCapacityUnits, write: throughput.WriteCapacityUnits };
}

function keySchemaOf(
  elements: CreateTableInput['KeySchema'],
  definitions: readonly AttributeDefinition[],
): KeySchema {
  if (elements === undefined) throw nullMembers(['keySchema']);
  const [hash, range] = elements;
  if (hash === undefined) throw nullMembers(['keySchema']);
  const keyNames = elements.map((element) => element.AttributeName);
  checkDefinitions(keyNames, definitions);
  if (hash.AttributeName === range?.AttributeName) throw validationError(KEY_NAMES_EQUAL);
  if (hash.KeyType !== 'HASH') throw validationError(FIRST_KEY_NOT_HASH);
  if (range !== undefined && range.KeyType !== 'RANGE') throw validationError(SECOND_KEY_NOT_RANGE);
  if (elements.length !== definitions.length) throw validationError(ATTRIBUTE_DEFINITIONS_UNUSED);
  const partition = definitions.find(({ name }) => name === hash.AttributeName);
  const sort = definitions.find(({ name }) => name === range?.AttributeName);
  if (partition === undefined) throw validationError(KEY_ATTRIBUTE_UNDEFINED);
  return { partition, sort };
}

function checkDefinitions(
  keyNames: readonly string[],
  definitions: readonly AttributeDefinition[],
): void {
  const names = definitions.map(({ name }) => name);
  if (keyNames.length > names.length) throw validationError(KEY_ATTRIBUTE_UNDEFINED);
  if (!keyNames.every((name) => names.includes(name))) {
    throw validationError(keyAttributesUndefined(keyNames, names));
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw validationError(attributeDefinedTwice(twice));
}
