import { expect, test } from 'vitest';

import { failedFrom } from '../../src/triggers/batch-response.ts';

const NUMBERS = ['100', '101', '102', '103'];

const failures = (...identifiers: readonly unknown[]): object => ({
  batchItemFailures: identifiers.map((itemIdentifier) => ({ itemIdentifier })),
});

/** The developer guide's conditions of success and failure. */
test.each([
  ['nothing', undefined, undefined],
  ['null', null, undefined],
  ['an empty response', {}, undefined],
  ['an empty list', { batchItemFailures: [] }, undefined],
  ['a null list', { batchItemFailures: null }, undefined],
  ['other words', 'done', undefined],
  ['one record', failures('102'), 2],
  ['several records: the earliest', failures('103', '101', '102'), 1],
  ['the first record', failures('100'), 0],
  ['an empty identifier', failures('103', ''), 0],
  ['a null identifier', failures(null), 0],
  ['a number that is none of the batch', failures('999'), 0],
  ['another name of the member', { batchItemFailures: [{ identifier: '102' }] }, 0],
  ['no list', { batchItemFailures: '102' }, 0],
  ['a list of other things', { batchItemFailures: ['102', null] }, 0],
])('%s', (_name, payload, expected) => {
  expect(failedFrom(payload, NUMBERS)).toBe(expected);
});
