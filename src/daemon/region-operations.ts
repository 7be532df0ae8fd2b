import type { InProcessEndpoint } from '../bus/in-process-network.ts';
import { ZONES } from '../log/embedded/storage-node-identity.ts';
import type { PrometheusMetrics } from '../telemetry/prometheus.ts';
import type {
  HealthView,
  Json,
  JsonObject,
  LinkChange,
  LinkView,
  OperationsTarget,
  ZoneName,
  ZoneView,
} from './operations-target.ts';
import type { RegionEngine } from './region-engine.ts';
import { zoneView } from './zone-view.ts';

/** What the operations need of a region that may be stopped. */
export interface RegionSwitch {
  /** Undefined while it is stopped. */
  readonly engine: RegionEngine | undefined;
  /** Why it does not run although it should; undefined when nothing is wrong. */
  readonly failure: string | undefined;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface RegionOperationsOptions {
  readonly region: string;
  readonly peers: readonly string[];
  readonly endpoint: InProcessEndpoint;
  readonly metrics: PrometheusMetrics;
  readonly switch: RegionSwitch;
}

/** The operations port's view of one region. */
export class RegionOperations implements OperationsTarget {
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
        digest: engine.region.digest(table).map(hex).join(''),
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

const hex = (lane: number): string => lane.toString(16).padStart(8, '0');

/** Plain data as JSON has it: what is undefined is left out. */
const toJson = (value: object): JsonObject => {
  const json: Json = JSON.parse(JSON.stringify(value));
  return isJsonObject(json) ? json : {};
};

const isJsonObject = (json: Json): json is JsonObject =>
  typeof json === 'object' && json !== null && !Array.isArray(json);
