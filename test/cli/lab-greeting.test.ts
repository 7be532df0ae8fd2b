import { expect, test } from 'vitest';

import { labGreeting } from '../../src/cli/lab-greeting.ts';
import { readConfig } from '../../src/daemon/config.ts';

const greeted = (credentials: readonly object[]): Parameters<typeof labGreeting>[0][number] => ({
  name: 'us-east-1',
  config: readConfig(
    {
      name: 'east.yaml',
      value: {
        region: 'us-east-1',
        endpoint: { port: 1 },
        operations: { port: 2 },
        credentials,
      },
      lineOf: () => undefined,
    },
    {},
  ),
  endpoint: 'http://127.0.0.1:8001',
  operationsEndpoint: 'http://127.0.0.1:9001',
  natsUrl: undefined,
});

test('it shows the endpoints and lines to paste', () => {
  expect(labGreeting([greeted([])], '.tidemark')).toMatchInlineSnapshot(`
    "Tidemark lab: 1 region, data in .tidemark
      us-east-1  DynamoDB http://127.0.0.1:8001  operations http://127.0.0.1:9001
    AWS CLI:
      AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x aws dynamodb list-tables --endpoint-url http://127.0.0.1:8001 --region us-east-1
    JavaScript:
      new DynamoDBClient({ endpoint: 'http://127.0.0.1:8001', region: 'us-east-1', credentials: { accessKeyId: 'x', secretAccessKey: 'x' } })
    Ready."
  `);
});

test('credentials of the configuration are named, and the secret is not shown', () => {
  const text = labGreeting(
    [greeted([{ accessKeyId: 'AKIA', secretAccessKey: 'hidden' }])],
    '.tidemark',
  );
  expect(text).toContain('AWS_ACCESS_KEY_ID=AKIA');
  expect(text).not.toContain('hidden');
});

test('a region of several nodes has a line for each', () => {
  const nodes = ['a', 'b', 'c'].map((zone) => ({
    ...greeted([]),
    name: `us-east-1 ${zone}`,
    natsUrl: 'nats://127.0.0.1:4001',
  }));
  const text = labGreeting(nodes, 'data');
  expect(text).toContain('Tidemark lab: 1 region of 3 nodes each, data in data');
  expect(text).toContain(
    'us-east-1 b  DynamoDB http://127.0.0.1:8001  operations http://127.0.0.1:9001  nats://127.0.0.1:4001',
  );
});
