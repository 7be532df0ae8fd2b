import fc from 'fast-check';
import { expect, test } from 'vitest';

import { AnswerReader } from './answer-reader.ts';

const answer = (status: number, body: string): string =>
  `HTTP/1.1 ${status} Words\r\nDate: now\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

test('answers are found however they are cut', () => {
  const answers = fc.array(
    fc.record({
      status: fc.integer({ min: 100, max: 599 }),
      body: fc.constantFrom('', 'x', '{}\r\n\r\n'),
    }),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(answers, fc.integer({ min: 1, max: 40 }), (all, pieceBytes) => {
      const reader = new AnswerReader();
      const seen: number[] = [];
      for (const { status, body } of all) {
        const bytes = Buffer.from(answer(status, body));
        for (let at = 0; at < bytes.length; at += pieceBytes) {
          const found = reader.push(bytes.subarray(at, at + pieceBytes));
          if (found === undefined) continue;
          expect(at + pieceBytes).toBeGreaterThanOrEqual(bytes.length);
          seen.push(found);
        }
      }
      expect(seen).toEqual(all.map(({ status }) => status));
    }),
  );
});

test('an answer of unknown length is an error, and so is one that goes on', () => {
  const chunked = Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
  expect(() => new AnswerReader().push(chunked)).toThrow('Content-Length');
  expect(() => new AnswerReader().push(Buffer.from(`${answer(200, '')}x`))).toThrow('longer');
});
