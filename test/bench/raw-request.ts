/** In the scope of this region every target is called. */
export const BENCH_REGION = 'us-east-1';

/**
 * Well-formed and never verified: signing would measure the load generator. Every target accepts it, because none has
 * credentials configured.
 */
const authorizationFor = (region: string): string =>
  `AWS4-HMAC-SHA256 Credential=bench/20260101/${region}/dynamodb/aws4_request, ` +
  `SignedHeaders=host;x-amz-date;x-amz-target, Signature=${'0'.repeat(64)}`;

/** The headers of a request, without `Host` and `Content-Length`. */
export const rawHeaders = (
  operation: string,
  region = BENCH_REGION,
): Readonly<Record<string, string>> => ({
  'Content-Type': 'application/x-amz-json-1.0',
  'X-Amz-Target': `DynamoDB_20120810.${operation}`,
  'X-Amz-Date': '20260101T000000Z',
  Authorization: authorizationFor(region),
});

/** The bytes of one HTTP request, as an SDK sends it. */
export function rawRequest(operation: string, input: object): Buffer {
  const body = Buffer.from(JSON.stringify(input));
  const head = [
    'POST / HTTP/1.1',
    'Host: 127.0.0.1',
    ...Object.entries(rawHeaders(operation)).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${body.length}`,
    '\r\n',
  ].join('\r\n');
  return Buffer.concat([Buffer.from(head), body]);
}
