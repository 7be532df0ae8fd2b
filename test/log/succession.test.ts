import { expect, test } from 'vitest';

import { decodeSuccession, encodeSuccession } from '../../src/log/succession.ts';

test('who is to lead next is read as it was written, with whether somebody wished it', () => {
  for (const isWish of [true, false])
    expect(decodeSuccession(encodeSuccession({ zone: 'b', isWish }))).toEqual({
      zone: 'b',
      isWish,
    });
  expect(decodeSuccession(encodeSuccession(undefined))).toBeUndefined();
});

test('what an earlier program wrote, which names a zone alone, is nobody’s wish', () => {
  expect(decodeSuccession(Buffer.from('c'))).toEqual({ zone: 'c', isWish: false });
});
