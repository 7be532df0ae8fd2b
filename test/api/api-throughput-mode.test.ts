import { afterEach, beforeEach, expect, test } from 'vitest';

import { startMemoryApi } from '../support/memory-api.ts';
import type { MemoryApi } from '../support/memory-api.ts';

let api: MemoryApi;

beforeEach(async () => {
  api = await startMemoryApi();
});

afterEach(async () => {
  await api.stop();
});

const music = {
  TableName: 'Music',
  AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
};
const ProvisionedThroughput = { ReadCapacityUnits: 2, WriteCapacityUnits: 2 };
const DATE = expect.any(Number) as unknown;

const summaries = (mode: string, since: object): object => ({
  BillingModeSummary: { BillingMode: mode, ...since },
  TableThroughputModeSummary: { TableThroughputMode: mode, ...since },
});

const complaint = (mode: string, place: string): string =>
  `Value '${mode}' at '${place}' failed to satisfy constraint: ` +
  'Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]';

async function described(): Promise<unknown> {
  const { body } = await api.call('DescribeTable', { TableName: 'Music' });
  return body;
}

test('a table is created in the mode that its other name gives, and tells it by both', async () => {
  const { body } = await api.call('CreateTable', {
    ...music,
    TableThroughputMode: 'PAY_PER_REQUEST',
  });
  expect(body).toMatchObject({
    TableDescription: {
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      TableThroughputModeSummary: { TableThroughputMode: 'PAY_PER_REQUEST' },
    },
  });
  expect(JSON.stringify(body)).not.toContain('LastUpdateToPayPerRequestDateTime');
  expect(await described()).toMatchObject({
    Table: summaries('PAY_PER_REQUEST', { LastUpdateToPayPerRequestDateTime: DATE }),
  });
});

test('a table that was never PAY_PER_REQUEST tells its mode by neither name', async () => {
  const { status, body } = await api.call('CreateTable', {
    ...music,
    TableThroughputMode: 'PROVISIONED',
    ProvisionedThroughput,
  });
  expect(status).toBe(200);
  expect(JSON.stringify([body, await described()])).not.toContain('Mode');
});

test('BillingMode goes before its other name', async () => {
  const { status } = await api.call('CreateTable', {
    ...music,
    BillingMode: 'PROVISIONED',
    TableThroughputMode: 'PAY_PER_REQUEST',
    ProvisionedThroughput,
  });
  expect(status).toBe(200);
  await api.call('UpdateTable', {
    TableName: 'Music',
    BillingMode: 'PAY_PER_REQUEST',
    TableThroughputMode: 'PROVISIONED',
  });
  expect(await described()).toMatchObject({
    Table: summaries('PAY_PER_REQUEST', { LastUpdateToPayPerRequestDateTime: DATE }),
  });
});

test('a table changes its mode by the other name alone', async () => {
  await api.call('CreateTable', { ...music, BillingMode: 'PAY_PER_REQUEST' });
  const { status } = await api.call('UpdateTable', {
    TableName: 'Music',
    TableThroughputMode: 'PROVISIONED',
    ProvisionedThroughput,
  });
  expect(status).toBe(200);
  expect(await described()).toMatchObject({
    Table: {
      ...summaries('PROVISIONED', { LastUpdateToPayPerRequestDateTime: DATE }),
      ProvisionedThroughput,
    },
  });
});

test.each([
  ['CreateTable', { TableThroughputMode: 'PAY_PER_REQUEST' }],
  ['UpdateTable', { TableThroughputMode: 'PAY_PER_REQUEST' }],
])('%s speaks of BillingMode where units do not go with the mode', async (operation, mode) => {
  const members = operation === 'CreateTable' ? music : { TableName: 'Music' };
  const { body } = await api.call(operation, { ...members, ...mode, ProvisionedThroughput });
  expect(body).toMatchObject({
    message: expect.stringContaining('when BillingMode is PAY_PER_REQUEST') as unknown,
  });
});

test.each(['CreateTable', 'UpdateTable'])('%s refuses unknown modes by name', async (operation) => {
  const { body } = await api.call(operation, {
    ...(operation === 'CreateTable' && music),
    TableName: 'Music',
    BillingMode: 'FREE',
    TableThroughputMode: 'CHEAP',
  });
  expect(body).toMatchObject({
    message: `2 validation errors detected: ${complaint('FREE', 'billingMode')}; ${complaint('CHEAP', 'tableThroughputMode')}`,
  });
});
