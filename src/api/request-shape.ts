import { type ClientError, validationError } from '../model/errors.ts';
import { MEMBER_NULL, validationErrors, violation } from '../model/messages.ts';
import { type OperationName, validateInput } from '../model/shape-validator.ts';
import type { Input } from './operation.ts';

/**
 * The input as the operation may read it: checked against the service model, of which `T` is the part that the
 * operation reads. Throws as `validateInput` does. Attribute values in it are still to be parsed.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the one place that says so
export const checkedInput = <T>(operation: OperationName, input: Input): T =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the service model has checked it
  validateInput(operation, input) as T;

/** What DynamoDB says of members that are required though the service model does not say so. */
export const nullMembers = (paths: readonly string[]): ClientError =>
  validationError(validationErrors(paths.map((path) => violation('null', path, MEMBER_NULL))));
