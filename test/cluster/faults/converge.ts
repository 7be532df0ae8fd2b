import { listAt } from '../../../src/cli/json-members.ts';
import type { ClusterNode } from '../../support/cluster-node.ts';
import type { ClusterRegion } from '../../support/cluster-world.ts';

const LOOK_MS = 50;
const CONVERGE_MS_MAX = 45_000;

/** What `untilConverged` found: how long it took, or how nodes differed when it gave up. */
export type Convergence =
  | { readonly kind: 'converged'; readonly afterMs: number; readonly itemCount: number }
  | { readonly kind: 'apart'; readonly nodes: readonly string[] };

/** Waits until every node of every region shows the same digest of the table, twice in a row. */
export async function untilConverged(
  regions: readonly ClusterRegion[],
  table: string,
): Promise<Convergence> {
  const nodes = regions.flatMap((region) => region.nodes);
  const startedMs = performance.now();
  let before: string | undefined;
  for (;;) {
    const views = await Promise.all(nodes.map(async (node) => viewOf(node, table)));
    const digests = new Set(views.map(({ digest }) => digest));
    const [digest] = digests;
    const afterMs = performance.now() - startedMs;
    if (digests.size === 1 && digest !== undefined) {
      if (before === digest)
        return { kind: 'converged', afterMs, itemCount: views[0]?.itemCount ?? 0 };
      before = digest;
    } else before = undefined;
    if (afterMs > CONVERGE_MS_MAX)
      return { kind: 'apart', nodes: views.map((view) => JSON.stringify(view)) };
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function viewOf({ region, zone, operations }: ClusterNode, table: string) {
  const tables = listAt((await operations.read('/replication')) ?? {}, 'tables');
  const found = tables.find(({ name }) => name === table);
  const digest = found?.['digest'];
  return {
    node: zone === undefined ? region : `${region} ${zone}`,
    digest: typeof digest === 'string' ? digest : undefined,
    itemCount: Number(found?.['itemCount'] ?? 0),
  };
}
