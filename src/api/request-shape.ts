import { ClientError, validationError } from '../model/errors.ts';
import { MEMBER_NULL, validationErrors, violation } from '../model/messages.ts';
import { type OperationName, validateInput } from '../model/shape-validator.ts';
import { TABLE_NAME_MISSING } from './api-messages.ts';
import type { Input } from './operation.ts';

/**
 * The input as the operation may read it: checked against the service model, of which `T` is the part that the
 * operation reads. Throws as `validateInput` does. Attribute values in it are still to be parsed.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the one place that says so
export const checkedInput = <T>(operation: OperationName, input: Input): T =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the service model has checked it
  validateInput(operation, input) as T;

/** `checkedInput` of an operation on one table, without whose name nothing else of the shape is complained about. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as above
export function checkedTableInput<T>(operation: OperationName, input: Input): T {
  try {
    return checkedInput<T>(operation, input);
  } catch (error) {
    const isNameless = (input['TableName'] ?? undefined) === undefined;
    const isShape = error instanceof ClientError && error.code === 'ValidationException';
    throw isNameless && isShape ? validationError(TABLE_NAME_MISSING) : error;
  }
}

/**
 * `checkedInput`, but `later` is complained about only when there is nothing else to complain about. Source:
 * conformance, of regions from June 2026 on.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as above
export function checkedInputBut<T>(operation: OperationName, input: Input, later: string): T {
  try {
    return checkedInput<T>(operation, input);
  } catch (error) {
    if (error instanceof ClientError && error.code === 'ValidationException') {
      const { [later]: _, ...rest } = input;
      checkedInput(operation, rest);
    }
    throw error;
  }
}

/** What DynamoDB says of members that are required though the service model does not say so. */
export const nullMembers = (paths: readonly string[]): ClientError =>
  validationError(validationErrors(paths.map((path) => violation('null', path, MEMBER_NULL))));
