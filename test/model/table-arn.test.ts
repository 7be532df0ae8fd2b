import { expect, test } from 'vitest';
import { formatTableArn, isArn, parseTableArn } from '../../src/model/table-arn.ts';

const ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/Music.v_1-x';
const PARTS = { region: 'us-east-1', accountId: '000000000000', tableName: 'Music.v_1-x' };

test('an ARN comes back as its parts', () => {
  expect(formatTableArn(PARTS)).toBe(ARN);
  expect(parseTableArn(ARN)).toEqual(PARTS);
});

test.each([
  'Music',
  'arn:aws:s3:us-east-1:000000000000:table/Music',
  'arn:aws:dynamodb:us-east-1:1:table/Music',
  'arn:aws:dynamodb:us-east-1:000000000000:table/ab',
  `${ARN}/index/ByYear`,
])('%s is no ARN of a table', (text) => {
  expect(parseTableArn(text)).toBeUndefined();
});

test('what begins like an ARN is taken for one', () => {
  expect(isArn('arn:whatever')).toBe(true);
  expect(isArn('arnold')).toBe(false);
});
