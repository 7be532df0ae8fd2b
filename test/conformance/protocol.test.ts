import { crc32, gunzipSync, gzipSync } from 'node:zlib';

import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb';
import { expect, inject, test } from 'vitest';

import { outcomeOf, type RawAnswer, type RawRequest, sendRaw, unreadable } from './raw-request.ts';
import { client, newTable } from './target.ts';

const TableName = await newTable();
const text = { S: 'grüße '.repeat(2_000) };
await client.send(
  new BatchWriteItemCommand({
    RequestItems: { [TableName]: [{ PutRequest: { Item: { id: { S: 'long' }, text } } }] },
  }),
);

const describe: RawRequest = { target: 'DescribeTable', body: JSON.stringify({ TableName }) };
const scan: RawRequest = {
  target: 'Scan',
  body: JSON.stringify({ TableName, ConsistentRead: true }),
};

const codeOf = (answer: RawAnswer): string => {
  const { status, code } = outcomeOf(answer);
  return `${status} ${code}`;
};

test('an answer carries its type, a request id and a checksum', async () => {
  const { status, headers, bytes } = await sendRaw(describe);
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('application/x-amz-json-1.0');
  expect(headers['x-amzn-requestid']).toMatch(/^[A-Z0-9]{52}$/);
  expect(headers['x-amz-crc32']).toBe(String(crc32(bytes)));
  expect(headers['content-length']).toBe(String(bytes.length));
  expect(headers['date']).toBeDefined();
});

test('an error carries the same', async () => {
  const { status, headers, bytes } = await sendRaw({ target: 'DescribeTable', body: '{}' });
  expect(status).toBe(400);
  expect(headers['content-type']).toBe('application/x-amz-json-1.0');
  expect(headers['x-amzn-requestid']).toMatch(/^[A-Z0-9]{52}$/);
  expect(headers['x-amz-crc32']).toBe(String(crc32(bytes)));
});

test('every request has an id of its own', async () => {
  const answers = [await sendRaw(describe), await sendRaw(describe)];
  expect(new Set(answers.map(({ headers }) => headers['x-amzn-requestid'])).size).toBe(2);
});

test('an answer in gzip is the same answer, and its checksum that of the bytes as they come', async () => {
  const whole = await sendRaw(scan);
  const zipped = await sendRaw({ ...scan, headers: { 'accept-encoding': 'gzip' } });
  expect(zipped.headers['content-encoding']).toBe('gzip');
  expect(zipped.headers['x-amz-crc32']).toBe(String(crc32(zipped.bytes)));
  expect(zipped.bytes.length).toBeLessThan(whole.bytes.length);
  expect(JSON.parse(gunzipSync(zipped.bytes).toString())).toEqual(
    JSON.parse(whole.bytes.toString()),
  );
});

test('a request in gzip is read', async () => {
  const answer = await sendRaw({
    ...describe,
    body: gzipSync(describe.body),
    headers: { 'content-encoding': 'gzip' },
  });
  expect(answer.status).toBe(200);
});

test('plain JSON is answered as plain JSON', async () => {
  const { status, headers } = await sendRaw({
    ...describe,
    headers: { 'content-type': 'application/json; charset=utf-8' },
  });
  expect([status, headers['content-type']]).toEqual([200, 'application/json']);
});

test('another content type is no request at all', async () => {
  const { status, bytes } = await sendRaw({ ...describe, headers: { 'content-type': 'text/xml' } });
  expect([status, bytes.toString()]).toEqual([404, '<UnknownOperationException/>\n']);
});

test.each([
  ['DynamoDB_20120810.Fly'],
  ['DynamoDB_20111205.ListTables'],
  ['DynamoDB_20120810.listTables'],
  ['Something.Else'],
])('the target %s is unknown', async (target) => {
  expect(codeOf(await sendRaw({ ...describe, target }))).toBe('400 UnknownOperationException');
});

test.each([
  ['broken JSON', '{"a":'],
  ['a list', '[]'],
  ['a string', '"a"'],
  ['null', 'null'],
  ['nothing', ''],
  ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
])('%s is no body of a request', async (_, body) => {
  expect(codeOf(await sendRaw({ ...describe, body }))).toBe('400 SerializationException');
});

test.each([
  ['ListTables', { Limit: 'x' }, 'STRING_VALUE cannot be converted to Integer'],
  ['ListTables', { Limit: true }, 'TRUE_VALUE cannot be converted to Integer'],
  ['ListTables', { Limit: [] }, 'Unrecognized collection type class java.lang.Integer'],
  ['ListTables', { Limit: {} }, 'Start of structure or map found where not expected'],
  ['Scan', { TableName: 23 }, 'NUMBER_VALUE cannot be converted to String'],
  ['Scan', { TableName: 0.5 }, 'DECIMAL_VALUE cannot be converted to String'],
  ['Scan', { TableName: false }, 'FALSE_VALUE cannot be converted to String'],
  ['Scan', { AttributesToGet: 'a' }, 'Unexpected field type'],
  ['Scan', { AttributesToGet: {} }, 'Start of structure or map found where not expected'],
  ['Scan', { ConsistentRead: 'maybe' }, 'Unexpected token received from parser'],
  ['PutItem', { Item: 'a' }, 'Unexpected field type'],
  ['PutItem', { Item: { a: 'b' } }, 'Unexpected value type in payload'],
  ['PutItem', { Item: { a: { N: 1 } } }, 'NUMBER_VALUE cannot be converted to String'],
  [
    'PutItem',
    { Item: { a: { B: 'abc' } } },
    'Base64 encoded length is expected a multiple of 4 bytes but found: 3',
  ],
  ['PutItem', { Item: { a: { B: 1 } } }, 'only base-64-encoded strings are convertible to bytes'],
])('%s of %j: %s', async (target, input, message) => {
  expect(outcomeOf(await sendRaw({ target, body: JSON.stringify(input) }))).toEqual(
    unreadable(message),
  );
});

test('members that nobody knows are passed over, and null is as good as nothing', async () => {
  const body = JSON.stringify({ TableName, Whatever: [{}], Limit: null });
  expect((await sendRaw({ ...scan, body })).status).toBe(200);
});

test('a request that nobody signed is refused', async () => {
  const answer = await sendRaw({ ...describe, headersOnceSigned: { authorization: undefined } });
  expect(outcomeOf(answer)).toEqual({
    status: 400,
    code: 'MissingAuthenticationTokenException',
    message: 'Request is missing Authentication Token',
  });
});

test('a signature with parts missing is told which', async () => {
  const authorization = 'AWS4-HMAC-SHA256 Signature=b';
  const answer = await sendRaw({ ...describe, headersOnceSigned: { authorization } });
  const { code, message } = outcomeOf(answer);
  expect(code).toBe('IncompleteSignatureException');
  expect(message).toContain("Authorization header requires 'Credential' parameter.");
  expect(message).toContain("Authorization header requires 'SignedHeaders' parameter.");
});

test('a page of another origin may read the answer', async () => {
  const { headers } = await sendRaw({ ...describe, headers: { origin: 'https://example.com' } });
  expect(headers['access-control-allow-origin']).toBe('*');
});

const endpoint =
  inject('conformanceEndpoint') ?? `https://dynamodb.${inject('conformanceRegion')}.amazonaws.com`;

test('a browser that asks first is let in', async () => {
  const { status, headers } = await fetch(endpoint, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://example.com',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'x-amz-target',
    },
  });
  expect(status).toBe(200);
  expect(headers.get('access-control-allow-origin')).toBe('*');
  expect(headers.get('access-control-allow-headers')).toBe('x-amz-target');
  expect(headers.get('access-control-allow-methods')).toBe('POST');
  expect(headers.get('access-control-max-age')).toBe('172800');
});

test('a GET is answered like a health check', async () => {
  const answer = await fetch(endpoint);
  expect([answer.status, await answer.text()]).toEqual([
    200,
    `healthy: ${new URL(endpoint).host} `,
  ]);
});

test('another method is no request at all', async () => {
  const answer = await fetch(endpoint, { method: 'PUT', body: '{}' });
  expect([answer.status, await answer.text()]).toEqual([404, '<UnknownOperationException/>\n']);
});
