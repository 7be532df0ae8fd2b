import type { LinkedBus } from '../bus/linked-bus.ts';
import { ZONES } from '../log/embedded/storage-node-identity.ts';
import type { ItemDigest } from '../model/record.ts';
import type { PrometheusMetrics } from '../telemetry/prometheus.ts';
import type { EngineSwitch } from './engine-runner.ts';
import type {
  HealthView,
  Json,
  JsonObject,
  LinkChange,
  LinkView,
  ServedOperations,
  StatusView,
  ZoneName,
  ZoneView,
} from './operations-target.ts';
import { SplitRefused } from '../partition/split-refused.ts';
import { OperationRefused } from './operation-refused.ts';
import type { OnlyNode } from './only-node.ts';
import type { RegionEngine } from './region-engine.ts';
import type { TriggerOperations } from './operations-triggers.ts';
import { regionStatus } from './region-status.ts';
import { release } from './release.ts';
import { zoneView } from './zone-view.ts';

export interface RegionOperationsOptions {
  readonly region: string;
  readonly peers: readonly string[];
  readonly endpoint: LinkedBus;
  readonly metrics: PrometheusMetrics;
  readonly switch: EngineSwitch<RegionEngine>;
  readonly node: OnlyNode;
}

/** The operations port's view of one region. */
export class RegionOperations implements ServedOperations {
  readonly region: string;
  readonly #options: RegionOperationsOptions;

  constructor(options: RegionOperationsOptions) {
    this.#options = options;
    this.region = options.region;
  }

  peers(): readonly string[] {
    return this.#options.peers;
  }

  async metrics(): Promise<{ readonly contentType: string; readonly text: string }> {
    const { metrics } = this.#options;
    return { contentType: metrics.contentType, text: await metrics.text() };
  }

  health(): HealthView {
    const { engine, failure } = this.#options.switch;
    const reasons = failure === undefined ? [] : [failure];
    for (const partition of engine?.core.partitions ?? [])
      if (partition.failure !== undefined)
        reasons.push(`partition ${partition.number} takes no writes until a restart`);
    return { ok: reasons.length === 0, reasons };
  }

  readiness(): HealthView {
    const { engine, failure } = this.#options.switch;
    const reasons: string[] = [];
    if (failure !== undefined) reasons.push(failure);
    if (engine === undefined) reasons.push('the region is stopped');
    else if (!engine.core.logs.available) reasons.push('fewer than two zones take writes');
    return { ok: reasons.length === 0, reasons };
  }

  replication(): JsonObject {
    const { engine } = this.#options.switch;
    if (engine === undefined) return { region: this.region, state: 'stopped' };
    return {
      ...toJson(engine.links.status()),
      state: 'running',
      clockAlarm: engine.clockAlarm,
      tables: engine.core.catalogue.all.map((table) => ({
        name: table.name,
        digest: hexDigest(engine.region.digest(table)),
        itemCount: engine.region.statistics(table).itemCount,
        members: toJson(table.global?.members ?? {}),
        home: table.global?.home,
      })),
    };
  }

  zones(): readonly ZoneView[] {
    const { engine } = this.#options.switch;
    if (engine === undefined) return ZONES.map((zone) => ({ zone, state: 'stopped' }));
    return ZONES.map((zone) => zoneView(engine.core, zone));
  }

  status(): StatusView {
    const { switch: engines, node } = this.#options;
    const problems = [...new Set([...this.health().reasons, ...this.readiness().reasons])];
    return regionStatus(
      { region: this.region, release: release(), problems, node: node.view() },
      engines.engine,
    );
  }

  async moveLeader(): Promise<void> {
    await this.#options.node.moveLeader();
  }

  async splitPartition(partition: number): Promise<number> {
    const { engine } = this.#options.switch;
    if (engine === undefined) throw new OperationRefused('conflict', `${this.region} is stopped`);
    if (partition >= engine.core.partitions.length)
      throw new OperationRefused('unknown', `${this.region} has no partition ${partition}`);
    try {
      return await engine.splitter.force(partition);
    } catch (error) {
      if (!(error instanceof SplitRefused)) throw error;
      throw new OperationRefused('conflict', error.message);
    }
  }

  async drain(): Promise<void> {
    await this.#options.node.drain();
  }

  async undrain(): Promise<void> {
    await this.#options.node.undrain();
  }

  async goOnWithoutMissing(): Promise<void> {
    await this.#options.node.goOnWithoutMissing();
  }

  triggers(): TriggerOperations {
    const { engine } = this.#options.switch;
    if (engine === undefined) throw new OperationRefused('conflict', `${this.region} is stopped`);
    return engine.triggers;
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
    await this.#options.switch.engine?.core.zones.stopZone(zone);
  }

  async startZone(zone: ZoneName): Promise<void> {
    await this.#options.switch.engine?.core.zones.startZone(zone);
  }
}

/** A digest in one word. */
export const hexDigest = (digest: ItemDigest): string => digest.map(hex).join('');

const hex = (lane: number): string => lane.toString(16).padStart(8, '0');

/** Plain data as JSON has it: what is undefined is left out. */
export const toJson = (value: object): JsonObject => {
  const json: Json = JSON.parse(JSON.stringify(value));
  return isJsonObject(json) ? json : {};
};

const isJsonObject = (json: Json): json is JsonObject =>
  typeof json === 'object' && json !== null && !Array.isArray(json);
