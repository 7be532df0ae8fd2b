import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type ExpressionFields,
  ExpressionCompiler,
} from '../../src/expression/expression-compiler.ts';
import { LruCache } from '../../src/expression/lru-cache.ts';
import type { ExpressionField } from '../../src/expression/messages.ts';

const FIELDS: readonly ExpressionField[] = [
  'UpdateExpression',
  'ConditionExpression',
  'ProjectionExpression',
];

const request = fc
  .record({
    name: fc.constantFrom('x', 'y', '#a', 'a'),
    to: fc.constantFrom('x', 'y', ':v'),
    value: fc.integer({ min: 0, max: 3 }),
    text: fc.constantFrom('SET #a = :v', 'SET #a=:v', 'SET #a = :v, z.#a = :v'),
  })
  .map(({ name, to, value, text }) => ({
    UpdateExpression: text,
    ConditionExpression: '#a = :v OR NOT #a < :v',
    ProjectionExpression: '#a.q',
    ExpressionAttributeNames: { '#a': name + to },
    ExpressionAttributeValues: { ':v': { N: String(value) } },
  }));

test('a cache of any size answers as no cache does', () => {
  fc.assert(
    fc.property(fc.array(request), fc.integer({ min: 1, max: 12 }), (requests, size) => {
      const compiler = new ExpressionCompiler(size);
      for (const each of requests) {
        const fresh = new ExpressionCompiler().compile(structuredClone(each), FIELDS);
        expect(compiler.compile(structuredClone(each), FIELDS)).toEqual(fresh);
      }
    }),
  );
});

test('a text that ends like another’s names is not taken for it', () => {
  const compiler = new ExpressionCompiler();
  const names = { '#a': 'a' };
  compiler.compile({ ProjectionExpression: '#a', ExpressionAttributeNames: names }, FIELDS);
  const forged: ExpressionFields = { ProjectionExpression: `#a${JSON.stringify(names)}` };
  expect(() => compiler.compile(forged, FIELDS)).toThrow('Syntax error');
});

test('a fault is reported every time, not only when the expression is parsed', () => {
  const compiler = new ExpressionCompiler();
  for (let i = 0; i < 3; i++) {
    expect(() => compiler.compile({ ConditionExpression: 'a = a' }, FIELDS)).toThrow('distinct');
    expect(() => compiler.compile({ UpdateExpression: 'REMOVE a, a' }, FIELDS)).toThrow('overlap');
  }
});

test('compiled expressions are plain data', () => {
  const compiled = new ExpressionCompiler().compile(
    {
      UpdateExpression: 'SET b[1] = list_append(a, :l) ADD c :n',
      ConditionExpression: 'size(a) > :n AND NOT begins_with(b.c, d)',
      ProjectionExpression: 'x.y[3]',
      ExpressionAttributeValues: { ':l': { L: [] }, ':n': { N: '1' } },
    },
    FIELDS,
  );
  for (const each of [compiled.update, compiled.condition, compiled.projection]) {
    expect(JSON.parse(JSON.stringify(each))).toEqual(each);
  }
});

test('the cache keeps what was asked for last', () => {
  const cache = new LruCache<number>(2);
  cache.set('a', 1);
  cache.set('b', 2);
  expect(cache.get('a')).toBe(1);
  cache.set('c', 3);
  expect([cache.get('a'), cache.get('b'), cache.get('c'), cache.size]).toEqual([
    1,
    undefined,
    3,
    2,
  ]);
});

test('the cache never holds more than it may, and always what half as many were asked for since', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 7 }),
      fc.array(
        fc.nat(9).map((key) => `key ${key}`),
        { maxLength: 60 },
      ),
      (entriesMax, keys) => {
        const cache = new LruCache<string>(entriesMax);
        for (const [at, key] of keys.entries()) {
          const lately = new Set(keys.slice(0, at).toReversed());
          const certain = [...lately].slice(0, Math.max(1, Math.floor(entriesMax / 2)));
          const found = cache.get(key);
          expect(found === key || (found === undefined && !certain.includes(key))).toBe(true);
          if (found === undefined) cache.set(key, key);
          expect(cache.size).toBeLessThanOrEqual(entriesMax);
        }
      },
    ),
  );
});
