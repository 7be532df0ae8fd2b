import { type ClientError, serializationError } from './errors.ts';
import {
  NOT_BASE64,
  notConvertible,
  UNEXPECTED_STRUCTURE,
  UNEXPECTED_TOKEN,
  unrecognizedCollection,
} from './messages.ts';

/** The error for JSON that is not the scalar that a shape wants, named as DynamoDB's parser names both. */
export function wrongType(value: unknown, wanted: string): ClientError {
  if (Array.isArray(value)) {
    return serializationError(unrecognizedCollection(`class java.lang.${wanted}`));
  }
  if (typeof value === 'object') return serializationError(UNEXPECTED_STRUCTURE);
  return serializationError(notConvertible(tokenOf(value), wanted));
}

/** The error for JSON that is no text where a shape wants binary. */
export function wrongBinary(value: unknown): ClientError {
  if (Array.isArray(value)) {
    return serializationError(unrecognizedCollection('class java.nio.ByteBuffer'));
  }
  return serializationError(typeof value === 'object' ? UNEXPECTED_STRUCTURE : NOT_BASE64);
}

function tokenOf(value: unknown): string {
  if (typeof value === 'string') return 'STRING_VALUE';
  if (typeof value === 'boolean') return value ? 'TRUE_VALUE' : 'FALSE_VALUE';
  return Number.isInteger(value) ? 'NUMBER_VALUE' : 'DECIMAL_VALUE';
}

/** DynamoDB takes a few texts for truth values, as its parser does. */
export function booleanFrom(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') throw wrongType(value, 'Boolean');
  if (/^(?:true|1|yes)$/i.test(value)) return true;
  if (/^(?:false|0|no)$/i.test(value)) return false;
  throw serializationError(UNEXPECTED_TOKEN);
}
