import { expect, test } from 'vitest';

import { askStatus, type StatusPort } from '../../src/cli/ask-status.ts';
import type { StatusAnswer } from '../../src/cli/status-regions.ts';
import type { NodeName } from '../../src/daemon/operations-target.ts';

/** Nodes that answer, by their ports; each names those of its region. */
type World = Readonly<Record<string, { readonly region: string; readonly zone: NodeName }>>;

const ISLAND: World = {
  'http://h:1': { region: 'east', zone: 'a' },
  'http://h:11': { region: 'east', zone: 'b' },
  'http://h:21': { region: 'east', zone: 'c' },
  'http://h:2': { region: 'west', zone: 'here' },
};

/** Asks in a world of which `away` do not answer; resolves with the answers and the ports that were asked. */
async function askIn(world: World, ports: readonly StatusPort[], away: readonly string[] = []) {
  const asked: string[] = [];
  const answers = await askStatus(ports, async ({ operations, region, node }) => {
    asked.push(operations);
    const found = away.includes(operations) ? undefined : world[operations];
    if (found === undefined) {
      return { kind: 'silent', operations, region, node, failure: 'does not answer' };
    }
    const nodes = Object.entries(world)
      .filter(([, each]) => each.region === found.region)
      .map(([url, { zone }]) => ({
        zone,
        state: 'running',
        isThisNode: url === operations,
        endpoint: undefined,
        operations: url,
      }));
    const status = {
      region: found.region,
      release: '0.1.0',
      problems: [],
      nodes,
      zones: [],
      partitions: [],
      replication: [],
      clock: { alarm: undefined, offsets: [] },
    };
    return { kind: 'answered', operations, status, said: status };
  });
  return { asked, told: answers.map(told) };
}

const told = (answer: StatusAnswer): string =>
  answer.kind === 'answered'
    ? `${answer.operations} ${answer.status.region}`
    : `${answer.operations} ${answer.region}/${answer.node} away`;

const port = (operations: string, choices: Partial<StatusPort> = {}): StatusPort => ({
  operations,
  region: undefined,
  node: undefined,
  ...choices,
});

const EAST = port('http://h:1', { region: 'east', others: ['http://h:11', 'http://h:21'] });
const WEST = port('http://h:2', { region: 'west', others: ['http://h:12', 'http://h:22'] });

test('nodes that an answer names are asked too, once', async () => {
  const { asked, told: answers } = await askIn(ISLAND, [EAST, WEST]);
  expect(asked).toEqual(['http://h:1', 'http://h:2', 'http://h:11', 'http://h:21']);
  expect(answers).toEqual([
    'http://h:1 east',
    'http://h:2 west',
    'http://h:11 east',
    'http://h:21 east',
  ]);
});

test('a node that has answered under another name of its port is not asked again', async () => {
  const world = { ...ISLAND, 'http://alias:1': { region: 'east', zone: 'a' } } as const;
  const { asked } = await askIn(world, [port('http://alias:1')]);
  expect(asked).toEqual(['http://alias:1', 'http://h:11', 'http://h:21']);
});

test('a node that is named and does not answer is told by its region and zone', async () => {
  const { told: answers } = await askIn(ISLAND, [EAST], ['http://h:21']);
  expect(answers).toEqual(['http://h:1 east', 'http://h:11 east', 'http://h:21 east/c away']);
});

test('where the first node of a lab does not answer, the others tell which one it is', async () => {
  const { asked, told: answers } = await askIn(ISLAND, [EAST], ['http://h:1', 'http://h:21']);
  expect(asked).toEqual(['http://h:1', 'http://h:11', 'http://h:21', 'http://h:21']);
  expect(answers).toEqual([
    'http://h:1 east/a away',
    'http://h:11 east',
    'http://h:21 east/c away',
  ]);
});

test('what listens where a lab would have a node, and is of another region, is not taken for one', async () => {
  const world = { ...ISLAND, 'http://h:12': { region: 'north', zone: 'here' } } as const;
  const { told: answers } = await askIn(world, [WEST], ['http://h:2']);
  expect(answers).toEqual(['http://h:2 west/undefined away']);
});
