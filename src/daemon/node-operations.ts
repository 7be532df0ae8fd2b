import type { LinkedBus } from '../bus/linked-bus.ts';
import { ZONES, type Zone } from '../log/embedded/storage-node-identity.ts';
import { SplitRefused } from '../partition/split-refused.ts';
import { digestOf, statisticsOf } from '../region/local-region.ts';
import type { PrometheusMetrics } from '../telemetry/prometheus.ts';
import type { EngineSwitch } from './engine-runner.ts';
import type { NodeEngine } from './node-engine.ts';
import { replicationOf } from './node-gauges.ts';
import type { TriggerOperations } from './operations-triggers.ts';
import { nodeState } from './node-state.ts';
import { nodeStatus } from './node-status.ts';
import { OperationRefused } from './operation-refused.ts';
import type {
  HealthView,
  JsonObject,
  LinkChange,
  LinkView,
  ServedOperations,
  StatusView,
  ZoneName,
  ZoneView,
} from './operations-target.ts';
import { hexDigest, toJson } from './region-operations.ts';
import { release } from './release.ts';

export interface NodeOperationsOptions {
  readonly region: string;
  readonly zone: Zone;
  readonly peers: readonly string[];
  readonly endpoint: LinkedBus;
  readonly metrics: PrometheusMetrics;
  readonly switch: EngineSwitch<NodeEngine>;
  /** The operator's: taken by whoever mends a lost stream. */
  readonly word: { withoutMissing: boolean };
  /** What is wrong with the region's NATS, though the node works. */
  readonly natsAlarms: () => readonly string[];
  readonly addresses: { readonly endpoint: () => string; readonly operations: () => string };
}

/** The operations port's view of one node, and of its region as the node knows it. */
export class NodeOperations implements ServedOperations {
  readonly region: string;
  readonly #options: NodeOperationsOptions;

  constructor(options: NodeOperationsOptions) {
    this.#options = options;
    this.region = options.region;
  }

  get #engine(): NodeEngine | undefined {
    return this.#options.switch.engine;
  }

  peers(): readonly string[] {
    return this.#options.peers;
  }

  async metrics(): Promise<{ readonly contentType: string; readonly text: string }> {
    const { metrics } = this.#options;
    return { contentType: metrics.contentType, text: await metrics.text() };
  }

  health(): HealthView {
    const { failure } = this.#options.switch;
    const reasons = failure === undefined ? [] : [failure];
    for (const { number, leading } of this.#engine?.core.partitions ?? [])
      if (leading?.failure !== undefined)
        reasons.push(`partition ${number} takes no writes until a restart`);
    return { ok: reasons.length === 0, reasons };
  }

  readiness(): HealthView {
    const { failure } = this.#options.switch;
    const reasons = failure === undefined ? [] : [failure];
    if (this.#engine === undefined) reasons.push('the node is stopped');
    for (const { number, leader } of this.#engine?.core.partitions ?? [])
      if (leader === undefined) reasons.push(`nobody leads partition ${number} yet`);
    return { ok: reasons.length === 0, reasons };
  }

  /** Peers are known to the node with the region's seat; tables and digests are those of this node's copies. */
  replication(): JsonObject {
    const engine = this.#engine;
    const { region } = this;
    const { zone } = this.#options;
    if (engine === undefined) return { region, zone, state: 'stopped' };
    const { core } = engine;
    return {
      ...toJson(replicationOf(engine)),
      zone,
      seat: core.partitions[0]?.leader,
      hasSeat: engine.seat !== undefined,
      state: 'running',
      clockAlarm: engine.clockAlarm,
      tables: core.catalogue.all.map((table) => ({
        name: table.name,
        digest: hexDigest(digestOf(core.clients, table.number)),
        itemCount: statisticsOf(core.clients, table.number).itemCount,
        members: toJson(table.global?.members ?? {}),
        home: table.global?.home,
      })),
    };
  }

  zones(): readonly ZoneView[] {
    const engine = this.#engine;
    const { zone: own } = this.#options;
    return ZONES.map((zone) => {
      if (zone === own)
        return { zone, state: engine === undefined ? 'stopped' : nodeState(engine.core) };
      const report = engine?.core.nodes.report(zone);
      return { zone, state: report === undefined ? 'out of reach' : report.state };
    });
  }

  status(): StatusView {
    const { zone, addresses, natsAlarms } = this.#options;
    const reasons = [...this.health().reasons, ...this.readiness().reasons, ...natsAlarms()];
    const problems = [...new Set(reasons)];
    return nodeStatus(
      {
        region: this.region,
        release: release(),
        problems,
        zone,
        endpoint: addresses.endpoint(),
        operations: addresses.operations(),
      },
      this.#engine,
      this.zones(),
    );
  }

  /** Of a partition that this node leads. */
  async moveLeader(number: number, zone: ZoneName): Promise<void> {
    const { zone: own } = this.#options;
    const core = this.#running().core;
    const partition = core.partitions[number];
    if (partition === undefined)
      throw new OperationRefused('unknown', `${this.region} has no partition ${number}`);
    if (partition.leader === zone) return;
    if (partition.leading === undefined)
      throw new OperationRefused(
        'conflict',
        `node ${own} does not lead partition ${number}: ask node ${partition.leader ?? 'of another zone'}`,
      );
    const report = core.nodes.report(zone);
    if (report === undefined || report.isDraining)
      throw new OperationRefused(
        'conflict',
        `node ${zone} ${report === undefined ? 'is not in reach' : 'is being drained'}`,
      );
    if (!(await partition.resign(zone, { isWish: true })))
      throw new OperationRefused('conflict', `partition ${number} could not be handed over now`);
  }

  /** Decided by the node with the region's seat, whichever is asked. */
  async splitPartition(number: number): Promise<number> {
    const engine = this.#running();
    if (number >= engine.core.partitions.length)
      throw new OperationRefused('unknown', `${this.region} has no partition ${number}`);
    try {
      return await engine.splitPartition(number);
    } catch (error) {
      if (!(error instanceof SplitRefused)) throw error;
      throw new OperationRefused('conflict', error.message);
    }
  }

  async drain(): Promise<void> {
    await this.#running().core.drain();
  }

  async undrain(): Promise<void> {
    this.#running().core.undrain();
  }

  async goOnWithoutMissing(): Promise<void> {
    this.#options.word.withoutMissing = true;
  }

  #running(): NodeEngine {
    const engine = this.#engine;
    if (engine === undefined)
      throw new OperationRefused('conflict', `node ${this.#options.zone} is stopped`);
    return engine;
  }

  triggers(): TriggerOperations {
    return this.#running().triggers;
  }

  links(): readonly LinkView[] {
    const { endpoint, peers } = this.#options;
    return peers.map((peer) => ({ peer, ...endpoint.links.get(peer) }));
  }

  setLink(peer: string, change: LinkChange): void {
    this.#options.endpoint.links.set(peer, change);
  }

  async stopRegion(): Promise<void> {
    await this.#options.switch.stop();
  }

  async startRegion(): Promise<void> {
    await this.#options.switch.start();
  }

  async stopZone(zone: ZoneName): Promise<void> {
    this.#assertOwn(zone);
    await this.#options.switch.stop();
  }

  async startZone(zone: ZoneName): Promise<void> {
    this.#assertOwn(zone);
    await this.#options.switch.start();
  }

  #assertOwn(zone: ZoneName): void {
    const { zone: own } = this.#options;
    if (zone !== own)
      throw new OperationRefused(
        'conflict',
        `this is the node of zone ${own}: ask that of ${zone}`,
      );
  }
}
