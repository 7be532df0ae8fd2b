import { expect, test } from 'vitest';
import { formatTableArn, isArn, parseArn, parseTableResource } from '../../src/model/table-arn.ts';

const ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/Music.v_1-x';
const PARTS = { region: 'us-east-1', accountId: '000000000000' };

test('an ARN comes back as its parts', () => {
  expect(formatTableArn({ ...PARTS, tableName: 'Music.v_1-x' })).toBe(ARN);
  expect(parseArn(ARN)).toEqual({
    partition: 'aws',
    service: 'dynamodb',
    ...PARTS,
    resource: 'table/Music.v_1-x',
  });
  expect(parseArn('arn:aws:dynamodb:::a:b')).toMatchObject({ region: '', resource: 'a:b' });
});

test.each(['Music', 'arn:', 'arn:aws:dynamodb:us-east-1', 'arn:aws:dynamodb:us-east-1:1:'])(
  '%s is no whole ARN',
  (text) => {
    expect(parseArn(text)).toBeUndefined();
  },
);

test('a resource is a table, an index or a stream of one', () => {
  expect(parseTableResource('table/Music')).toEqual({ tableName: 'Music', of: 'table', label: '' });
  expect(parseTableResource('table/Music/index/ByYear')).toEqual({
    tableName: 'Music',
    of: 'index',
    label: 'ByYear',
  });
  expect(parseTableResource('table/Music/stream/2026-10-09T00:29:04.041')).toEqual({
    tableName: 'Music',
    of: 'stream',
    label: '2026-10-09T00:29:04.041',
  });
});

test.each([
  'table/ab',
  'table/',
  'Music',
  'table/Music/',
  'table/Music/backup/017-a',
  'stream/Music',
])('%s is none of a table', (resource) => {
  expect(parseTableResource(resource)).toBeUndefined();
});

test('what begins like an ARN is taken for one', () => {
  expect(isArn('arn:whatever')).toBe(true);
  expect(isArn('arnold')).toBe(false);
});
