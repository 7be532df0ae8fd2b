import type {
  HealthView,
  JsonObject,
  LinkChange,
  LinkView,
  ZoneName,
} from '../daemon/operations-target.ts';
import { ZONE_NAMES } from '../daemon/operations-target.ts';
import { listAt } from './json-members.ts';
import type { LabOperations, LabRegion, LabZone } from './lab-region.ts';
import type { ProcessNode } from './process-node.ts';
import type { NodePlan } from './process-plan.ts';

/** What a region needs of a `ProcessNode`. */
export interface RegionNode extends Pick<
  ProcessNode,
  'operations' | 'isDaemonAlive' | 'startNats' | 'startDaemon' | 'stopDaemon' | 'stopNats' | 'kill'
> {
  readonly plan: Pick<NodePlan, 'zone' | 'endpoint'>;
}

/**
 * A region whose nodes are processes, as the lab shows and switches it: what its nodes say, put together. A
 * node that does not answer counts as stopped. Zones of a region of one node are switched in it; of one of three
 * nodes, the zone's node is stopped and started.
 */
export class ProcessRegion implements LabRegion, LabOperations {
  readonly name: string;
  readonly endpoint: string;
  readonly operations: LabOperations = this;
  readonly #nodes: readonly RegionNode[];
  /** As last set here or seen: a process that starts anew knows nothing of it. */
  readonly #links: Map<string, LinkView>;

  constructor(name: string, nodes: readonly RegionNode[], peers: readonly string[]) {
    this.name = name;
    this.endpoint = nodes[0]?.plan.endpoint ?? '';
    this.#nodes = nodes;
    this.#links = new Map(peers.map((peer) => [peer, { peer, up: true, delayMs: 0 }]));
  }

  get region(): string {
    return this.name;
  }

  async metrics(): Promise<{ readonly text: string }> {
    const texts = this.#nodes.map(async ({ operations }) =>
      operations.text('/metrics').catch(() => ''),
    );
    return { text: (await Promise.all(texts)).join('\n') };
  }

  async readiness(): Promise<HealthView> {
    const answers = this.#nodes.map(async ({ operations }) => operations.isOk('/readyz'));
    const ok = (await Promise.all(answers)).some(Boolean);
    return { ok, reasons: ok ? [] : ['no node is ready'] };
  }

  async replication(): Promise<JsonObject> {
    const views = await this.#read('/replication');
    const running = views.filter(({ state }) => state === 'running');
    if (running.length === 0) return { region: this.name, state: 'stopped' };
    return { region: this.name, state: 'running', peers: mergedPeers(running) };
  }

  async zones(): Promise<readonly LabZone[]> {
    const states = new Map<string, string>();
    await Promise.all(
      this.#nodes.map(async ({ plan, operations }) => {
        const view = (await operations.read('/zones')) ?? {};
        for (const { zone, state } of listAt(view, 'zones')) {
          const own = plan.zone === undefined || plan.zone === zone;
          if (own && typeof zone === 'string' && typeof state === 'string') states.set(zone, state);
        }
      }),
    );
    return ZONE_NAMES.map((zone) => ({ zone, state: states.get(zone) ?? 'stopped' }));
  }

  /** A link is up where all nodes have it so. */
  async links(): Promise<readonly LinkView[]> {
    const views = await this.#read('/links');
    const said = views.flatMap((view) => listAt(view, 'links'));
    for (const peer of this.#links.keys()) {
      const own = said.filter((link) => link['peer'] === peer);
      if (own.length === 0) continue;
      const up = own.every((link) => link['up'] === true);
      const delays = own.map((link) => Number(link['delayMs']));
      this.#links.set(peer, { peer, up, delayMs: Math.max(...delays) });
    }
    return [...this.#links.values()];
  }

  async setLink(peer: string, change: LinkChange): Promise<void> {
    const link = this.#links.get(peer) ?? { peer, up: true, delayMs: 0 };
    this.#links.set(peer, { ...link, ...change });
    const alive = this.#nodes.filter(({ isDaemonAlive }) => isDaemonAlive);
    await Promise.all(
      alive.map(async ({ operations }) => operations.change(`/links/${peer}`, change)),
    );
  }

  async stopRegion(): Promise<void> {
    const alive = this.#nodes.filter(({ isDaemonAlive }) => isDaemonAlive);
    await Promise.all(alive.map(async ({ operations }) => operations.change('/region/stop')));
  }

  /** Starts the processes that have ended, too. */
  async startRegion(): Promise<void> {
    await this.startNats();
    const alive = this.#nodes.filter(({ isDaemonAlive }) => isDaemonAlive);
    await Promise.all([
      ...alive.map(async ({ operations }) => operations.change('/region/start')),
      this.startDaemons(),
    ]);
  }

  async stopZone(zone: ZoneName): Promise<void> {
    const node = this.#nodeOf(zone);
    if (node === undefined) await this.#nodes[0]?.operations.change(`/zones/${zone}/stop`);
    else await node.stopDaemon();
  }

  async startZone(zone: ZoneName): Promise<void> {
    const node = this.#nodeOf(zone);
    if (node === undefined) {
      await this.#nodes[0]?.operations.change(`/zones/${zone}/start`);
      return;
    }
    await node.startNats();
    await this.#startDaemon(node);
  }

  /** Rejects with `ChildFailedError`, once all have started or failed. */
  async startNats(): Promise<void> {
    await allOf(this.#nodes.map(async (node) => node.startNats()));
  }

  /** Those that do not run; rejects as `startNats`. */
  async startDaemons(): Promise<void> {
    const down = this.#nodes.filter(({ isDaemonAlive }) => !isDaemonAlive);
    await allOf(down.map(async (node) => this.#startDaemon(node)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map(async (node) => node.stopDaemon()));
    await Promise.all(this.#nodes.map(async (node) => node.stopNats()));
  }

  /** All processes, at once. */
  kill(): void {
    for (const node of this.#nodes) node.kill();
  }

  /** With the links as they were set. */
  async #startDaemon(node: RegionNode): Promise<void> {
    await node.startDaemon();
    for (const { peer, up, delayMs } of this.#links.values()) {
      if (up && delayMs === 0) continue;
      await node.operations.change(`/links/${peer}`, { up, delayMs });
    }
  }

  #nodeOf(zone: ZoneName): RegionNode | undefined {
    return this.#nodes.find(({ plan }) => plan.zone === zone);
  }

  async #read(path: string): Promise<readonly JsonObject[]> {
    const views = await Promise.all(
      this.#nodes.map(async ({ operations }) => operations.read(path)),
    );
    return views.filter((view) => view !== undefined);
  }
}

/** Each node knows of the outboxes that it runs. */
function mergedPeers(views: readonly JsonObject[]): readonly JsonObject[] {
  const all = views.flatMap((view) => listAt(view, 'peers'));
  const names = new Set(all.map(({ peer }) => peer));
  return [...names].map((peer) => {
    const own = all.filter((each) => each['peer'] === peer);
    return {
      peer,
      outboxes: own.flatMap((each) => listAt(each, 'outboxes')),
      tables: own.flatMap((each) => listAt(each, 'tables')),
    };
  });
}

/** Waits for all; rejects with the first that failed. */
async function allOf(starts: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(starts);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
