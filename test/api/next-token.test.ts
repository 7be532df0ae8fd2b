import { expect, test } from 'vitest';
import { decodeNextToken, encodeNextToken, type TokenOwner } from '../../src/api/next-token.ts';

const owner: TokenOwner = { statement: 'SELECT * FROM t', parameters: [{ S: 'a' }], tableId: '1' };
const position = { read: 3, after: { pk: { S: 'é' }, sk: { N: '1' }, b: { B: 'AQ==' } } };

test('a token tells where it was given out', () => {
  expect(decodeNextToken(owner, encodeNextToken(owner, position))).toEqual(position);
  const first = encodeNextToken(owner, { read: 0, after: undefined });
  expect(decodeNextToken(owner, first)).toEqual({ read: 0, after: undefined });
});

test('a token belongs to its statement, its parameters and its table', () => {
  const token = encodeNextToken(owner, position);
  for (const other of [{ statement: 'SELECT a FROM t' }, { parameters: [] }, { tableId: '2' }]) {
    expect(() => decodeNextToken({ ...owner, ...other }, token)).toThrow(
      'NextToken does not match request',
    );
  }
});

test('a token that was changed anywhere is refused', () => {
  const token = encodeNextToken(owner, position);
  for (let place = 0; place < token.length; place++) {
    const changed = token[place] === 'A' ? 'B' : 'A';
    const broken = token.slice(0, place) + changed + token.slice(place + 1);
    expect(() => decodeNextToken(owner, broken)).toThrow('Invalid NextToken');
    expect(() => decodeNextToken(owner, token.slice(0, place))).toThrow('Invalid NextToken');
  }
});
