import { expect, test } from 'vitest';

import { helloSubjectOf, WIRE_VERSION } from '../../src/bus/subjects.ts';
import { helloOf, mismatchOf, readHello } from '../../src/bus/wire-hello.ts';

const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

test('the subject of a hello carries no version', () => {
  expect(helloSubjectOf('us-east-1')).toBe('tidemark.hello.us-east-1');
});

test('two daemons of one release understand each other', () => {
  const hello = readHello(helloOf('0.1.0'));
  expect(hello).toEqual({ release: '0.1.0', wireVersions: [WIRE_VERSION] });
  expect(mismatchOf('west', hello, '0.1.0')).toBeUndefined();
});

test('a later daemon that still speaks our version is understood, whatever else it says', () => {
  const hello = readHello(bytes({ release: '2', wireVersions: [WIRE_VERSION, 99], more: true }));
  expect(mismatchOf('west', hello, '0.1.0')).toBeUndefined();
});

test('one that does not is refused in words that name releases and versions', () => {
  const words = mismatchOf('west', readHello(bytes({ release: '2', wireVersions: [99] })), '0.1.0');
  expect(words).toContain('west runs release 2, which speaks version 99 of the wire');
  expect(words).toContain(`release 0.1.0, which speaks version ${WIRE_VERSION}`);
});

test.each([1, null, {}, { release: 1, wireVersions: [1] }, { release: '1', wireVersions: ['1'] }])(
  '%o is no hello, and never guessed at',
  (value) => {
    expect(readHello(bytes(value))).toBeUndefined();
    expect(mismatchOf('west', undefined, '0.1.0')).toContain('west answers in no way');
  },
);

test('what is no JSON is no hello', () => {
  expect(readHello(Buffer.from('{"release":'))).toBeUndefined();
});
