import { validationError } from '../model/errors.ts';
import type { TableClass, TableDefinition } from '../model/table.ts';
import type { IndexChange, IndexThroughputChange, TableChange } from '../region/region.ts';
import { type GlobalIndexMember, globalKeysOf } from './index-request.ts';
import {
  type AttributeDefinitionMember,
  attributeDefinitionsOf,
  checkDefinedOnce,
  checkKeyDefined,
} from './key-schema-request.ts';
import {
  attributeDefinitionsMissing,
  INDEX_ACTIONS_MORE_THAN_ONE,
  INDEX_UPDATE_EMPTY,
  INDEX_WITH_STREAM,
  INDEX_WITH_THROUGHPUT,
  indexesEmpty,
  indexUpdatedTwice,
  ON_DEMAND_COMBINED,
  onlyOperation,
  STREAM_WITH_THROUGHPUT,
  UPDATED_THROUGHPUT_WITH_PAY_PER_REQUEST,
  WARM_WITH_NEW_INDEX,
} from './table-messages.ts';
import {
  changedStreamOf,
  encryptionOf,
  type EncryptionMember,
  type StreamMember,
} from './table-settings-request.ts';
import {
  onDemandOf,
  type OnDemandMember,
  type ThroughputMember,
  throughputOf,
  type WarmMember,
  warmOf,
} from './throughput-request.ts';

/** What an UpdateTable asks of a table beside its replicas, and whether it may ask for all that at once. */

type IndexUpdateMember = Readonly<{
  Create?: GlobalIndexMember;
  Update?: Pick<
    GlobalIndexMember,
    'IndexName' | 'ProvisionedThroughput' | 'OnDemandThroughput' | 'WarmThroughput'
  >;
  Delete?: { readonly IndexName: string };
}>;

export interface TableChangeMembers {
  readonly AttributeDefinitions?: readonly AttributeDefinitionMember[];
  readonly BillingMode?: TableDefinition['billingMode'];
  readonly ProvisionedThroughput?: ThroughputMember;
  readonly OnDemandThroughput?: OnDemandMember;
  readonly WarmThroughput?: WarmMember;
  readonly GlobalSecondaryIndexUpdates?: readonly IndexUpdateMember[];
  readonly StreamSpecification?: StreamMember;
  readonly SSESpecification?: EncryptionMember;
  readonly TableClass?: TableClass;
  readonly DeletionProtectionEnabled?: boolean;
}

/** In DynamoDB's order of looking for what must come alone. `AttributeDefinitions` changes nothing by itself. */
const CHANGING = [
  'SSESpecification',
  'TableClass',
  'DeletionProtectionEnabled',
  'WarmThroughput',
  'OnDemandThroughput',
  'BillingMode',
  'ProvisionedThroughput',
  'StreamSpecification',
  'GlobalSecondaryIndexUpdates',
] as const satisfies readonly (keyof TableChangeMembers)[];

type Changing = (typeof CHANGING)[number];

/** The members by which a request changes something. An empty structure, or list alone, does not. */
export function changingMembers(request: TableChangeMembers): readonly Changing[] {
  const isEmpty = (member: Changing): boolean => {
    const value: unknown = request[member];
    const mayBeEmpty = member === 'WarmThroughput' || member === 'OnDemandThroughput';
    return mayBeEmpty && typeof value === 'object' && Object.keys(value ?? {}).length === 0;
  };
  const present = CHANGING.filter((member) => request[member] !== undefined && !isEmpty(member));
  const isListAlone = present.length === 1 && request.GlobalSecondaryIndexUpdates?.length === 0;
  return isListAlone ? [] : present;
}

/** The change, of which `changingMembers` has found something. Throws `ValidationException`. */
export function tableChangeOf(request: TableChangeMembers): TableChange {
  const members = changingMembers(request);
  checkCombination(request, members);
  const { GlobalSecondaryIndexUpdates: updates, SSESpecification: encryption } = request;
  if (updates?.length === 0) throw validationError(indexesEmpty('GlobalSecondaryIndexUpdates'));
  const { StreamSpecification: stream, WarmThroughput: warm, OnDemandThroughput: bound } = request;
  const has = (member: Changing): boolean => members.includes(member);
  return {
    ...modeOf(request),
    ...(has('OnDemandThroughput') &&
      bound !== undefined && {
        onDemandThroughput: onDemandOf(bound, { index: undefined, clears: true }),
      }),
    ...(has('WarmThroughput') && warm !== undefined && { warmThroughput: warmOf(warm) }),
    ...(stream !== undefined && { stream: changedStreamOf(stream) }),
    ...(encryption !== undefined && { encryption: encryptionOf(encryption) }),
    ...(request.TableClass !== undefined && { tableClass: request.TableClass }),
    ...(request.DeletionProtectionEnabled !== undefined && {
      deletionProtection: request.DeletionProtectionEnabled,
    }),
    ...(updates !== undefined && { indexes: indexChangesOf(updates, request) }),
  };
}

const ALONE = {
  SSESpecification: 'Server-Side Encryption modification',
  TableClass: 'TableClass modification',
  DeletionProtectionEnabled: 'DeletionProtection modification',
} as const;

/** Source: measured, DDB-TABLE-174, 382 and 433 of api-quirks. */
function checkCombination(request: TableChangeMembers, members: readonly Changing[]): void {
  const [first] = members;
  if (first === undefined || members.length === 1) return;
  const updates = request.GlobalSecondaryIndexUpdates ?? [];
  if (
    first === 'SSESpecification' ||
    first === 'TableClass' ||
    first === 'DeletionProtectionEnabled'
  )
    throw validationError(onlyOperation(ALONE[first]));
  if (first === 'WarmThroughput') {
    const isIndexNew = updates.some(({ Create }) => Create !== undefined);
    throw validationError(isIndexNew ? WARM_WITH_NEW_INDEX : onlyOperation('WarmThroughput'));
  }
  const isBoundWith = members.some(
    (member) => member !== 'OnDemandThroughput' && member !== 'BillingMode',
  );
  if (first === 'OnDemandThroughput' && isBoundWith) throw validationError(ON_DEMAND_COMBINED);
  const isProvisioned =
    request.ProvisionedThroughput !== undefined || request.BillingMode === 'PROVISIONED';
  const isStream = request.StreamSpecification !== undefined;
  if (isStream && isProvisioned) throw validationError(STREAM_WITH_THROUGHPUT);
  const isIndexed = updates.some(
    ({ Create, Delete }) => Create !== undefined || Delete !== undefined,
  );
  if (isIndexed && isProvisioned) throw validationError(INDEX_WITH_THROUGHPUT);
  if (isIndexed && isStream) throw validationError(INDEX_WITH_STREAM);
}

function modeOf({
  BillingMode: billingMode,
  ProvisionedThroughput: member,
}: TableChangeMembers): Pick<TableChange, 'billingMode' | 'provisionedThroughput'> {
  if (billingMode === 'PAY_PER_REQUEST' && member !== undefined)
    throw validationError(UPDATED_THROUGHPUT_WITH_PAY_PER_REQUEST);
  return {
    ...(billingMode !== undefined && { billingMode }),
    ...(member !== undefined && { provisionedThroughput: throughputOf(member, undefined) }),
  };
}

function indexChangesOf(
  updates: readonly IndexUpdateMember[],
  request: TableChangeMembers,
): readonly IndexChange[] {
  const actions = updates.map((update) => {
    const given = [update.Create, update.Update, update.Delete].filter(
      (each) => each !== undefined,
    );
    const [action] = given;
    if (action === undefined) throw validationError(INDEX_UPDATE_EMPTY);
    if (given.length > 1) throw validationError(INDEX_ACTIONS_MORE_THAN_ONE);
    return { update, name: action.IndexName };
  });
  const names = actions.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw validationError(indexUpdatedTwice(twice));
  return actions.map(({ update, name }) => indexChangeOf(update, name, request));
}

function indexChangeOf(
  { Create: create, Update: update }: IndexUpdateMember,
  name: string,
  { AttributeDefinitions: members }: TableChangeMembers,
): IndexChange {
  if (update !== undefined)
    return { kind: 'update', name, throughput: indexThroughputOf(update, { clears: true }) };
  if (create === undefined) return { kind: 'delete', name };
  if (members === undefined) throw validationError(attributeDefinitionsMissing(name));
  const definitions = attributeDefinitionsOf(members);
  checkDefinedOnce(definitions);
  checkKeyDefined(create.KeySchema, definitions);
  const index = globalKeysOf(create, definitions);
  return { kind: 'create', index, throughput: indexThroughputOf(create, { clears: false }) };
}

/** The units of indexes are looked at when there is such a table. Source: dynalite. Throws `ValidationException`. */
export function checkIndexUnits({
  GlobalSecondaryIndexUpdates: updates = [],
}: TableChangeMembers): void {
  for (const { Create, Update } of updates) {
    const { IndexName: index, ProvisionedThroughput: units } = Update ?? Create ?? {};
    if (units !== undefined) throughputOf(units, index);
  }
}

function indexThroughputOf(
  member: Pick<
    GlobalIndexMember,
    'IndexName' | 'ProvisionedThroughput' | 'OnDemandThroughput' | 'WarmThroughput'
  >,
  { clears }: { readonly clears: boolean },
): IndexThroughputChange {
  const { IndexName: index, ProvisionedThroughput: units } = member;
  const { OnDemandThroughput: bound = {}, WarmThroughput: warm } = member;
  const isBound =
    bound.MaxReadRequestUnits !== undefined || bound.MaxWriteRequestUnits !== undefined;
  return {
    ...(units !== undefined && {
      provisionedThroughput: { read: units.ReadCapacityUnits, write: units.WriteCapacityUnits },
    }),
    ...(isBound && { onDemandThroughput: onDemandOf(bound, { index, clears }) }),
    ...(warm !== undefined && { warmThroughput: warmOf(warm) }),
  };
}
