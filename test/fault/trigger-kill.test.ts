import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { CreateTableCommand, PutItemCommand, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';

import { LabProcess } from '../support/lab-process.ts';
import { US } from '../support/test-lab.ts';
import { tidemark } from '../support/tidemark-command.ts';
import { until } from '../support/until.ts';

const KILLS = 5;
const ITEMS = 7;
const WRITES_PER_LIFE = 60;
const TEST_MS = 180_000;

/** As it would be deployed to Lambda. */
const HANDLER = `
import { appendFileSync } from 'node:fs';

export const handler = async (event) => {
  const lines = event.Records.map(({ dynamodb }) =>
    JSON.stringify({ id: dynamodb.Keys.id.S, n: Number(dynamodb.NewImage.n.N) }) + '\\n');
  appendFileSync(new URL('seen.jsonl', import.meta.url), lines.join(''));
};
`;

interface Seen {
  readonly id: string;
  readonly n: number;
}

test(
  `a handler file follows a table through ${KILLS} kills and shards that roll over: nothing is missing, each item is in order`,
  { timeout: TEST_MS },
  async () => {
    const lab = await LabProcess.start([US], { streams: { shardHours: 1 / 3600 } });
    const { client, operationsEndpoint } = lab.region(US);
    await client.send(
      new CreateTableCommand({
        TableName: 'orders',
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        BillingMode: 'PAY_PER_REQUEST',
        StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
      }),
    );
    await waitUntilTableExists(
      { client, maxWaitTime: 30, minDelay: 0.1, maxDelay: 0.5 },
      { TableName: 'orders' },
    );
    const file = join(lab.folder, 'handler.mjs');
    await writeFile(file, HANDLER);
    const made = await tidemark(
      'trigger',
      'create',
      '--table',
      'orders',
      '--to',
      `module:${file}`,
      '--operations',
      operationsEndpoint,
      '--batch-size=9',
      '--parallelization-factor=2',
    );
    expect(made).toMatchObject({ code: 0, errors: '' });

    const written = new Map<string, number[]>();
    let n = 0;
    for (let life = 0; life <= KILLS; life += 1) {
      for (let at = 0; at < WRITES_PER_LIFE; at += 1) {
        const id = `item ${n % ITEMS}`;
        const Item = { id: { S: id }, n: { N: String(n) } };
        await client.send(new PutItemCommand({ TableName: 'orders', Item }));
        written.set(id, [...(written.get(id) ?? []), n]);
        n += 1;
      }
      if (life === KILLS) break;
      await lab.end('SIGKILL');
      await lab.start();
    }

    const seen = async (): Promise<readonly Seen[]> => {
      const text = await readFile(join(lab.folder, 'seen.jsonl'), 'utf8').catch(() => '');
      // What a kill has torn is no line.
      const lines = text.split('\n').filter((line) => line.endsWith('}') && line.startsWith('{'));
      return lines.map((line): Seen => JSON.parse(line));
    };
    await until('every write to be seen', async () => {
      const numbers = new Set((await seen()).map((each) => each.n));
      return numbers.size === n;
    });
    const all = await seen();
    for (const [id, expected] of written) {
      let last = -1;
      for (const each of all.filter((one) => one.id === id)) {
        const place = expected.indexOf(each.n);
        expect(place).toBeLessThanOrEqual(last + 1);
        last = Math.max(last, place);
      }
      expect(last).toBe(expected.length - 1);
    }
    const list = await tidemark('trigger', 'list', '--operations', operationsEndpoint);
    expect(list.output).toMatch(/^orders +orders +running /mu);
  },
);
