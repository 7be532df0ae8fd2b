import { DynamoDBClient, ListTablesCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { SignatureCheck } from '../../src/api/signature.ts';
import { SIGNED_HEADERS, startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';

const known = { accessKeyId: 'AKIAKNOWN', secretAccessKey: 'a secret' };

let open: MemoryApi;
let closed: MemoryApi;
let unscoped: MemoryApi;

beforeAll(async () => {
  open = await startMemoryApi();
  closed = await startMemoryApi({ credentials: [known] });
  unscoped = await startMemoryApi({ credentials: [known], checkRegionScope: false });
});

afterAll(async () => {
  await Promise.all([open.stop(), closed.stop(), unscoped.stop()]);
});

async function list(
  { port }: MemoryApi,
  { region = 'us-east-1', credentials = known } = {},
): Promise<unknown> {
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new DynamoDBClient({ endpoint, region, credentials, maxAttempts: 1 });
  try {
    return await client.send(new ListTablesCommand({}));
  } catch (error) {
    return error;
  } finally {
    client.destroy();
  }
}

test('without named credentials anyone who signs is let in', async () => {
  const credentials = { accessKeyId: 'anyone', secretAccessKey: 'x' };
  expect(await list(open, { credentials })).toHaveProperty('TableNames');
});

test('a client of another region is told both', async () => {
  for (const api of [open, closed]) {
    expect(await list(api, { region: 'eu-west-1' })).toMatchObject({
      name: 'InvalidSignatureException',
      message: expect.stringMatching(
        /^Credential should be scoped to a valid region, not 'eu-west-1'\. .*'us-east-1'/,
      ) as unknown,
    });
  }
});

test('the check of the region is switched off by itself', async () => {
  expect(await list(unscoped, { region: 'eu-west-1' })).toHaveProperty('TableNames');
  expect(
    await list(unscoped, {
      region: 'eu-west-1',
      credentials: { ...known, secretAccessKey: 'wrong' },
    }),
  ).toMatchObject({ name: 'InvalidSignatureException' });
});

test('named credentials are verified', async () => {
  expect(await list(closed)).toHaveProperty('TableNames');
  expect(await list(closed, { credentials: { ...known, secretAccessKey: 'wrong' } })).toMatchObject(
    {
      name: 'InvalidSignatureException',
      message: expect.stringContaining(
        'The request signature we calculated does not match the signature you provided.',
      ) as unknown,
    },
  );
  expect(await list(closed, { credentials: { ...known, accessKeyId: 'AKIAOTHER' } })).toMatchObject(
    {
      name: 'UnrecognizedClientException',
      message: 'The security token included in the request is invalid.',
    },
  );
});

test('a signed body that is not ASCII is verified', async () => {
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${closed.port}`,
    region: 'us-east-1',
    credentials: known,
  });
  const put = new PutItemCommand({ TableName: 'none', Item: { pk: { S: 'grüße 🌍' } } });
  await expect(client.send(put)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  client.destroy();
});

const request = (changes: Readonly<Record<string, string>>) => ({
  method: 'POST',
  url: '/',
  headers: { host: 'localhost', ...SIGNED_HEADERS, ...changes },
  body: Buffer.from('{}'),
});
const scoped = (credential: string): string =>
  `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=00`;

describe('faults of a signature', () => {
  const check = new SignatureCheck({
    region: 'us-east-1',
    credentials: [known],
    checkRegionScope: true,
  });
  const nowMs = Date.UTC(2026, 0, 1);
  const scope = 'AKIAKNOWN/20260101/us-east-1/dynamodb/aws4_request';

  test.each([
    [
      {},
      'Credential should be scoped',
      scoped('AKIAKNOWN/20260101/eu-west-1/dynamodb/aws4_request'),
    ],
    [{}, "correct service: 'dynamodb'", scoped('AKIAKNOWN/20260101/us-east-1/s3/aws4_request')],
    [{}, "terminator: 'aws4_request', not 'x'", scoped('AKIAKNOWN/20260101/us-east-1/dynamodb/x')],
    [{}, 'exactly 5 slash-delimited elements', scoped('AKIAKNOWN/20260101')],
    [{}, "'20260102' != '20260101'", scoped('AKIAKNOWN/20260102/us-east-1/dynamodb/aws4_request')],
    [
      { 'x-amz-date': '20251231T235459Z' },
      'Signature expired: 20251231T235459Z is now earlier than 20251231T235500Z (20260101T000000Z - 5 min.)',
      scoped(scope),
    ],
    [
      { 'x-amz-date': '20260101T000501Z' },
      'Signature not yet current: 20260101T000501Z is still later than 20260101T000500Z (20260101T000000Z + 5 min.)',
      scoped(scope),
    ],
    [{ 'x-amz-date': '201' }, "Date must be in ISO-8601 'basic format'. Got '201'.", scoped(scope)],
    [
      {},
      "'Host' must be a 'SignedHeader'",
      scoped(scope).replace('SignedHeaders=host', 'SignedHeaders=x-amz-date'),
    ],
    [{}, "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'", scoped(scope).replace('SHA256', 'SHA1')],
  ])('%j: %s', (changes, message, authorization) => {
    expect(() => {
      check.verify(request({ ...changes, authorization }), nowMs);
    }).toThrow(message);
  });
});

describe('anyone may sign', () => {
  const check = new SignatureCheck({
    region: 'us-east-1',
    credentials: [],
    checkRegionScope: true,
  });
  const elsewhere = scoped('any/20260101/eu-west-1/dynamodb/aws4_request');
  const verifyAt = (nowMs: number, authorization: string) => (): void => {
    check.verify(request({ authorization }), nowMs);
  };

  test('an old date is complained of only with another fault, and then first', () => {
    const here = scoped('any/20260101/us-east-1/dynamodb/aws4_request');
    expect(verifyAt(Date.UTC(2026, 5, 1), here)).not.toThrow();
    expect(verifyAt(Date.UTC(2026, 5, 1), elsewhere)).toThrow('Signature expired: ');
    expect(verifyAt(Date.UTC(2026, 0, 1), elsewhere)).toThrow('Credential should be scoped');
  });

  test.each([
    ['X-Amz-Algorithm=AWS4-HMAC-SHA256', SIGNED_HEADERS['authorization'], "Found both 'X-Amz-Al"],
    [
      'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Signature=b&X-Amz-Date=c',
      undefined,
      "AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the query-string parameters.",
    ],
    [
      'X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-SignedHeaders=d&X-Amz-Date=e',
      undefined,
      'Request is missing Authentication Token',
    ],
  ])('signing in the query string is refused: %s', (query, authorization, message) => {
    const headers = { host: 'localhost', 'content-type': 'application/x-amz-json-1.0' };
    const signed = authorization === undefined ? headers : { ...headers, authorization };
    const asked = { method: 'POST', url: `/?${query}`, headers: signed, body: Buffer.from('{}') };
    expect(() => {
      check.verify(asked, Date.UTC(2026, 0, 1));
    }).toThrow(message);
  });
});
