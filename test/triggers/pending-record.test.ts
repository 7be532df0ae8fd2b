import { expect, test } from 'vitest';

import { parseEventFilter } from '../../src/triggers/event-filter.ts';
import { eventOf, pendingRecordOf } from '../../src/triggers/pending-record.ts';
import type { SourceRecord } from '../../src/triggers/stream-source.ts';

const ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/x';

const sourceOf = (record: object): SourceRecord => ({
  json: JSON.stringify(record),
  sequenceNumber: '1',
  position: '1',
  createdMs: 0,
});

const keyed = (keys: object): SourceRecord => sourceOf({ eventID: '1', dynamodb: { Keys: keys } });

const textOf = (record: object): unknown => {
  const pending = pendingRecordOf(sourceOf(record), {
    streamArn: ARN,
    lanes: 1,
    passes: undefined,
  });
  expect(pending?.bytes).toBe(Buffer.byteLength(pending?.text ?? '') + 1);
  return JSON.parse(pending?.text ?? '');
};

const laneOf = (keys: object): number | undefined =>
  pendingRecordOf(keyed(keys), { streamArn: ARN, lanes: 4, passes: undefined })?.lane;

const passes = (record: unknown): boolean => JSON.stringify(record).includes('yes');

test('a function gets the record with the ARN of its stream', () => {
  const record = { eventID: '1', dynamodb: { NewImage: { a: { S: 'ä "userId" }' } } } };
  expect(textOf(record)).toEqual({ ...record, eventSourceARN: ARN });
});

test('who has deleted what expired is named as Lambda names it', () => {
  const userIdentity = { PrincipalId: 'dynamodb.amazonaws.com', Type: 'Service' };
  expect(textOf({ eventID: '1', eventName: 'REMOVE', userIdentity })).toEqual({
    eventID: '1',
    eventName: 'REMOVE',
    userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' },
    eventSourceARN: ARN,
  });
});

test('filters see what a function gets', () => {
  const userIdentity = { PrincipalId: 'dynamodb.amazonaws.com', Type: 'Service' };
  const passing = (pattern: object, record: object): boolean => {
    const filter = parseEventFilter(JSON.stringify(pattern));
    const through = { streamArn: ARN, lanes: 1, passes: (each: unknown) => filter.matches(each) };
    return pendingRecordOf(sourceOf(record), through) !== undefined;
  };
  // The pattern of the developer guide for what has expired ("DynamoDB Streams and Time to Live").
  const expired = { userIdentity: { type: ['Service'], principalId: ['dynamodb.amazonaws.com'] } };
  expect(passing(expired, { eventName: 'REMOVE', userIdentity })).toBe(true);
  expect(passing(expired, { eventName: 'REMOVE' })).toBe(false);
  expect(passing({ userIdentity: { Type: ['Service'] } }, { userIdentity })).toBe(false);
  expect(passing({ userIdentity: { type: [{ exists: false }] } }, { eventName: 'REMOVE' })).toBe(
    true,
  );
  expect(passing({ eventSourceARN: [{ prefix: ARN }] }, { eventName: 'INSERT' })).toBe(true);
});

test('an attribute of that name is left alone', () => {
  const record = { dynamodb: { NewImage: { userIdentity: { M: { PrincipalId: { S: 'x' } } } } } };
  expect(textOf(record)).toEqual({ ...record, eventSourceARN: ARN });
});

test('an item has one lane, whatever the order of its key, and items are spread over all', () => {
  const lanes = new Set<number | undefined>();
  for (let at = 0; at < 50; at++) {
    const [p, s] = [{ S: `p${at}` }, { N: String(at) }];
    expect(laneOf({ p, s })).toBe(laneOf({ s, p }));
    lanes.add(laneOf({ p, s }));
  }
  expect(lanes).toEqual(new Set([0, 1, 2, 3]));
});

test('what does not pass is nothing, and events are made of what does', () => {
  const [yes, no] = ['yes', 'no'].map((eventID) =>
    pendingRecordOf(sourceOf({ eventID }), { streamArn: ARN, lanes: 1, passes }),
  );
  expect(no).toBeUndefined();
  expect(yes).toBeDefined();
  const event: unknown = JSON.parse(eventOf(yes === undefined ? [] : [yes, yes]));
  expect(event).toEqual({
    Records: [
      { eventID: 'yes', eventSourceARN: ARN },
      { eventID: 'yes', eventSourceARN: ARN },
    ],
  });
  expect(eventOf([])).toBe('{"Records":[]}');
});
