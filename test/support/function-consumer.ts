import { once } from 'node:events';
import { createServer } from 'node:http';

import { onTestFinished } from 'vitest';

/** A function of Lambda's shape over HTTP. It goes with the test. */
export async function startFunction({
  status = 200,
}: { readonly status?: number } = {}): Promise<FunctionConsumer> {
  const seen = new Map<string, number[]>();
  let calls = 0;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text: string) => (body += text));
    request.on('end', () => {
      calls += 1;
      const { Records }: FunctionEvent = JSON.parse(body);
      for (const { dynamodb } of Records) {
        const key = dynamodb.Keys.id.S;
        seen.set(key, [...(seen.get(key) ?? []), Number(dynamodb.NewImage.v.N)]);
      }
      response.writeHead(status).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    url: `http://127.0.0.1:${port}/`,
    seen,
    get calls() {
      return calls;
    },
  };
}

/** What a consumer was given. */
export interface FunctionConsumer {
  readonly url: string;
  readonly calls: number;
  /** The values of `v` by the key `id`, in the order in which they came. */
  readonly seen: ReadonlyMap<string, readonly number[]>;
}

interface FunctionEvent {
  readonly Records: readonly {
    readonly dynamodb: {
      readonly Keys: { readonly id: { readonly S: string } };
      readonly NewImage: { readonly v: { readonly N: string } };
    };
  }[];
}
