import { validationError } from '../model/errors.ts';
import type { Encryption, StreamViewType, TableClass } from '../model/table.ts';
import type { Input } from './operation.ts';
import {
  CREATED_STREAM_WITHOUT_VIEW,
  CREATED_WITHOUT_STREAM_WITH_VIEW,
  DISABLED_STREAM_WITH_VIEW,
  ENABLED_STREAM_WITHOUT_VIEW,
  ENCRYPTION_TYPE_NOT_SUPPORTED,
  KEY_WITHOUT_ENCRYPTION_TYPE,
  notIfEncryptionOff,
  TABLE_CLASS_INVALID,
} from './table-messages.ts';

/** Class, stream and encryption of a table as requests name them. Every function throws `ValidationException`. */

export interface StreamMember {
  readonly StreamEnabled: boolean;
  readonly StreamViewType?: StreamViewType;
}

export interface EncryptionMember {
  readonly Enabled?: boolean;
  readonly SSEType?: 'AES256' | 'KMS';
  readonly KMSMasterKeyId?: string;
}

const TABLE_CLASSES: readonly string[] = [
  'STANDARD',
  'STANDARD_INFREQUENT_ACCESS',
] satisfies readonly TableClass[];

/** The class has a message of its own, before the shape is looked at. */
export function checkTableClass({ TableClass: tableClass }: Input): void {
  if (typeof tableClass === 'string' && !TABLE_CLASSES.includes(tableClass))
    throw validationError(TABLE_CLASS_INVALID);
}

/** Of a new table. Source: measured, DDB-TABLE-035 of api-quirks. */
export function newStreamOf(member: StreamMember | undefined): StreamViewType | undefined {
  if (member === undefined) return undefined;
  const { StreamEnabled: isEnabled, StreamViewType: view } = member;
  if (isEnabled && view === undefined) throw validationError(CREATED_STREAM_WITHOUT_VIEW);
  if (!isEnabled && view !== undefined) throw validationError(CREATED_WITHOUT_STREAM_WITH_VIEW);
  return view;
}

/** Of a table that stands. Source: measured, DDB-TABLE-050 of api-quirks. */
export function changedStreamOf({
  StreamEnabled: isEnabled,
  StreamViewType: view,
}: StreamMember): StreamViewType | 'off' {
  if (!isEnabled && view !== undefined) throw validationError(DISABLED_STREAM_WITH_VIEW);
  if (isEnabled && view === undefined) throw validationError(ENABLED_STREAM_WITHOUT_VIEW);
  return view ?? 'off';
}

/** Without `Enabled` the type says whether there is any. Source: measured, DDB-TABLE-031, 036 and 044 of api-quirks. */
export function encryptionOf({
  Enabled: isEnabled,
  SSEType: type,
  KMSMasterKeyId: keyId,
}: EncryptionMember): Encryption | 'off' {
  if (isEnabled === false) {
    if (type !== undefined) throw validationError(notIfEncryptionOff('SSEType'));
    if (keyId !== undefined) throw validationError(notIfEncryptionOff('KMSMasterKeyId'));
    return 'off';
  }
  if (type === 'AES256') throw validationError(ENCRYPTION_TYPE_NOT_SUPPORTED);
  if (keyId !== undefined && type === undefined) throw validationError(KEY_WITHOUT_ENCRYPTION_TYPE);
  return isEnabled === undefined && type === undefined ? 'off' : { keyId };
}
