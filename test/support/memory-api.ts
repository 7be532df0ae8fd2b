import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';

import { createApiServer } from '../../src/api/api-server.ts';
import type { ApiServerOptions } from '../../src/api/api-server.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';
import { SystemRandom } from '../../src/daemon/system-random.ts';
import { MemoryRegion, type MemoryRegionOptions } from './memory-region.ts';

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface RawRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** An API server over a region in memory, on a free port, with ways to talk to it. */
export interface MemoryApi {
  readonly region: MemoryRegion;
  readonly port: number;
  readonly client: DynamoDBClient;
  /** Sends exactly these headers and this body. */
  send(raw: RawRequest): Promise<RawAnswer>;
  /** Sends an operation's input as a well-formed, unverified request; resolves to the answer's JSON. */
  call(operation: string, input: unknown): Promise<{ status: number; body: unknown }>;
  stop(): Promise<void>;
}

/** What a request needs beside its target and body. */
export const SIGNED_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'application/x-amz-json-1.0',
  'x-amz-date': '20260101T000000Z',
  authorization:
    'AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/dynamodb/aws4_request, ' +
    'SignedHeaders=host;x-amz-date, Signature=00',
};

export async function startMemoryApi(
  options: Partial<ApiServerOptions> = {},
  regionOptions: MemoryRegionOptions = {},
): Promise<MemoryApi> {
  const region = new MemoryRegion(regionOptions);
  const server = createApiServer({
    region,
    clock: new SystemClock(),
    random: new SystemRandom(),
    port: 0,
    hosts: ['127.0.0.1'],
    ...options,
  });
  await server.start();
  const { port } = server;
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  });
  const send = async (raw: RawRequest): Promise<RawAnswer> => sendRaw(port, raw);
  return {
    region,
    port,
    client,
    send,
    async call(operation, input) {
      const { status, text } = await send({
        headers: { ...SIGNED_HEADERS, 'x-amz-target': `DynamoDB_20120810.${operation}` },
        body: JSON.stringify(input),
      });
      return { status, body: JSON.parse(text) as unknown };
    },
    async stop() {
      client.destroy();
      await server.stop();
    },
  };
}

export async function sendRaw(port: number, raw: RawRequest): Promise<RawAnswer> {
  const { method = 'POST', path = '/', headers = {}, body = '' } = raw;
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
