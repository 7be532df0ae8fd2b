import type { Awaitable } from '../../base/awaitable.ts';
import { validationError } from '../../model/errors.ts';
import { QUERY_LIMIT_TOO_SMALL, selectInQuery } from '../api-messages.ts';
import type { AnswerBody, Operation } from '../operation.ts';
import { pageAnswer } from '../page-answer.ts';
import type { PageInput } from '../page-request.ts';
import { checkSelect, pageRequest } from '../page-request.ts';
import { pageSource } from '../page-source.ts';
import { checkParameters, olderQueryParameters, queryExpressions } from '../request-expressions.ts';
import { checkedInput } from '../request-shape.ts';
import { parseStartKey, queryBounds } from '../start-key.ts';

interface QueryInput extends PageInput {
  readonly ScanIndexForward?: boolean;
}

export const queryOperation: Operation = {
  name: 'Query',
  run({ region, clock, expressions }, input): Awaitable<AnswerBody> {
    const request = checkedInput<QueryInput>('Query', input);
    if ((request.Limit ?? 1) < 1) throw validationError(QUERY_LIMIT_TOO_SMALL);
    checkParameters(request, 'query');
    const older = olderQueryParameters(request);
    const start = parseStartKey(request.ExclusiveStartKey);
    const bound = queryExpressions(expressions, request, older);
    checkSelect(request, selectInQuery);
    const source = pageSource(region, request);
    const bounds = queryBounds(source, bound.keyConditions, start);
    const shape = pageRequest(request, source, {
      ...bound,
      sparing: request.QueryFilter === undefined ? 'Filter Expression' : 'QueryFilter',
    });
    const page = region.query({
      ...bounds,
      table: source.number,
      consistent: shape.consistent,
      limit: request.Limit,
      forward: request.ScanIndexForward ?? true,
    });
    return page instanceof Promise
      ? page.then(async (later) => pageAnswer({ region, clock }, shape, later))
      : pageAnswer({ region, clock }, shape, page);
  },
};
