import { present } from '../../../src/base/assert.ts';
import { listAt } from '../../../src/cli/json-members.ts';
import { parsePrometheusText } from '../../../src/cli/prometheus-text.ts';
import type { JsonObject } from '../../../src/daemon/operations-target.ts';
import type { ClusterNode } from '../../support/cluster-node.ts';
import type { ClusterRegion } from '../../support/cluster-world.ts';
import type { TestNatsServer } from '../../support/nats-servers.ts';
import { until } from '../../support/until.ts';

/** The zones that lead the region's partitions, by number, as the first node that knows all says. */
export async function leadersOf(region: ClusterRegion): Promise<readonly string[]> {
  return until(`leaders of ${region.name}`, async () => {
    for (const { operations } of region.nodes) {
      const partitions = listAt((await operations.read('/status')) ?? {}, 'partitions');
      const leaders = partitions.map(({ leader }) => leader);
      const known = leaders.filter((leader) => typeof leader === 'string');
      if (known.length > 0 && known.length === leaders.length) return known;
    }
    return undefined;
  });
}

const nodeOf = (region: ClusterRegion, zone: string): ClusterNode =>
  present(
    region.nodes.find((node) => node.zone === zone),
    `node ${zone}`,
  );

/** Asks its leader to hand a partition over; who that is may change meanwhile. */
export async function moveLeader(
  region: ClusterRegion,
  partition: number,
  zone: string,
): Promise<void> {
  await until(`partition ${partition} to be moved to ${zone}`, async () => {
    const leader = (await leadersOf(region))[partition];
    if (leader === undefined || leader === zone) return leader === zone;
    const moved = nodeOf(region, leader).operations.change(`/partitions/${partition}/leader`, {
      node: zone,
    });
    return moved.then(
      () => true,
      () => false,
    );
  });
}

/** The node that leads partition 0, and with it has the region's seat. Partitions' leaders make it lead most. */
export async function seatOf(region: ClusterRegion): Promise<ClusterNode> {
  const [zone] = await leadersOf(region);
  return nodeOf(region, present(zone, 'the leader of partition 0'));
}

/** The node that leads least, and not partition 0. */
export async function followerOf(region: ClusterRegion): Promise<ClusterNode> {
  const leaders = await leadersOf(region);
  const count = ({ zone }: ClusterNode): number => leaders.filter((each) => each === zone).length;
  const others = region.nodes.filter(({ zone }) => zone !== leaders[0]);
  return present(others.toSorted((one, other) => count(one) - count(other))[0], 'a follower');
}

/** The nats-server that leads most streams of the region, the one that leads JetStream itself before others. */
export async function streamLeaderOf(region: ClusterRegion): Promise<TestNatsServer> {
  const views = await Promise.all(region.servers.map(async (server) => jetStreamOf(server)));
  const led = views.map(({ name, leads, isMetaLeader }, at) => ({
    at,
    name,
    weight: leads + (isMetaLeader ? 0.5 : 0),
  }));
  const [first] = led.toSorted((one, other) => other.weight - one.weight);
  return present(region.servers[first?.at ?? 0], 'a nats-server');
}

/** The names of the region's streams. */
export async function streamNamesOf(region: ClusterRegion): Promise<readonly string[]> {
  const views = await Promise.all(region.servers.map(async (server) => jetStreamOf(server)));
  return [...new Set(views.flatMap(({ streams }) => streams))].toSorted();
}

async function jetStreamOf({ monitorUrl }: TestNatsServer) {
  const [jsz, varz] = await Promise.all(
    ['/jsz?accounts=true&streams=true', '/varz'].map(async (path): Promise<JsonObject> => {
      const response = await fetch(`${monitorUrl}${path}`);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the monitor's answer
      return (await response.json()) as JsonObject;
    }),
  );
  const name = varz?.['server_name'];
  const streams = listAt(jsz ?? {}, 'account_details').flatMap((account) =>
    listAt(account, 'stream_detail'),
  );
  const leads = streams.filter(({ cluster }) => memberOf(cluster, 'leader') === name).length;
  return {
    name,
    leads,
    isMetaLeader: memberOf(jsz?.['meta_cluster'], 'leader') === name,
    streams: streams.flatMap((stream) => textOf(stream['name'])),
  };
}

const textOf = (value: unknown): readonly string[] => (typeof value === 'string' ? [value] : []);

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;

/** Of a node: the sum of a metric's samples. */
export async function metricOf({ operations }: ClusterNode, name: string): Promise<number> {
  const text = await until('metrics', async () =>
    operations.text('/metrics').catch(() => undefined),
  );
  return parsePrometheusText(text)
    .filter((sample) => sample.name === name)
    .reduce((all, { value }) => all + value, 0);
}

/** A region's conflicts, of all of its nodes. */
export async function conflictsOf({ nodes }: ClusterRegion): Promise<number> {
  const counts = await Promise.all(
    nodes.map(async (node) => metricOf(node, 'tidemark_replication_conflicts_total')),
  );
  return counts.reduce((all, count) => all + count, 0);
}

/** Why a node does not believe its wall clock; undefined when it does. */
export async function clockAlarmOf({ operations }: ClusterNode): Promise<string | undefined> {
  const alarm = memberOf((await operations.read('/status'))?.['clock'], 'alarm');
  return typeof alarm === 'string' ? alarm : undefined;
}

/** What the outboxes of a region do, in words: those of the node that has any. */
export async function shippingOf(
  { nodes }: ClusterRegion,
  peer: string,
): Promise<readonly string[]> {
  const views = await Promise.all(nodes.map(async ({ operations }) => operations.read('/status')));
  return views.flatMap((view) =>
    listAt(view ?? {}, 'replication')
      .filter((each) => each['peer'] === peer)
      .flatMap((each) => textOf(each['shipping'])),
  );
}
