import fc from 'fast-check';
import { expect, test } from 'vitest';

import { latin1Of } from '../../src/base/latin1.ts';

test('two texts are equal where their bytes are, wherever those lie', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      const whole = new Uint8Array([...b, ...a, ...b]);
      const text = latin1Of(whole.subarray(b.length, b.length + a.length));
      expect(text).toHaveLength(a.length);
      expect(text).toBe(latin1Of(a));
      expect(text === latin1Of(b)).toBe(Buffer.compare(a, b) === 0);
    }),
  );
});
