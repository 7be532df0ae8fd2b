import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { onTestFinished } from 'vitest';

import { present } from '../../src/base/assert.ts';
import { InProcessNetwork } from '../../src/bus/in-process-network.ts';
import { parsePrometheusText, type Sample } from '../../src/cli/prometheus-text.ts';
import { readConfig, type RegionConfig } from '../../src/daemon/config.ts';
import type { Json, LinkChange, ZoneName } from '../../src/daemon/operations-target.ts';
import type { RunningRegion } from '../../src/daemon/running-region.ts';
import { startRegion } from '../../src/daemon/start-region.ts';
import { SystemClock } from '../../src/daemon/system-clock.ts';
import { MemoryLogger } from './memory-logger.ts';
import { until } from './until.ts';

export const US = 'us-east-1';
export const EU = 'eu-west-1';
export const AP = 'ap-northeast-1';

/** What of a region's file a test chooses; `region` and the ports are given. */
export type ConfigChoices = Readonly<Record<string, unknown>>;

/**
 * Real regions in this process, on free ports over a temporary folder, as the lab runs them. All of it goes when the
 * test has finished.
 */
export class TestLab {
  readonly folder: string;
  readonly network = new InProcessNetwork(new SystemClock());
  readonly regions: readonly TestRegion[];

  private constructor(folder: string, names: readonly string[], choices: ConfigChoices) {
    this.folder = folder;
    this.regions = names.map(
      (name) => new TestRegion({ name, regions: names, network: this.network, folder, choices }),
    );
  }

  static async start(names: readonly string[], choices: ConfigChoices = {}): Promise<TestLab> {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-test-'));
    const lab = new TestLab(folder, names, choices);
    onTestFinished(async () => lab.#close());
    await Promise.all(lab.regions.map(async (region) => region.start()));
    return lab;
  }

  region(name: string): TestRegion {
    return present(
      this.regions.find((region) => region.name === name),
      `region ${name}`,
    );
  }

  /** Sets the links between two regions, both ways. */
  setLinks([one, other]: readonly [string, string], change: LinkChange): void {
    this.network.endpoint(one).links.set(other, change);
    this.network.endpoint(other).links.set(one, change);
  }

  async #close(): Promise<void> {
    await Promise.all(this.regions.map(async (region) => region.stop()));
    await this.network.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** What `GET /replication` says of one table. */
export interface TableReport {
  readonly name: string;
  readonly digest: string;
  readonly itemCount: number;
  readonly members: Readonly<Record<string, { readonly phase: string; readonly source: string }>>;
  readonly home?: string;
}

interface TestRegionOptions {
  readonly name: string;
  readonly regions: readonly string[];
  readonly network: InProcessNetwork;
  readonly folder: string;
  readonly choices: ConfigChoices;
}

/** One region that can be stopped and started as a process would be, and an SDK client for it that does not retry. */
export class TestRegion {
  readonly name: string;
  readonly dataDirectory: string;
  readonly logger = new MemoryLogger();
  readonly config: RegionConfig;
  readonly #options: TestRegionOptions;
  #running: RunningRegion | undefined;
  #client: DynamoDBClient | undefined;

  constructor(options: TestRegionOptions) {
    const { name, folder, choices } = options;
    this.name = name;
    this.dataDirectory = join(folder, name);
    this.config = testConfig(name, choices);
    this.#options = options;
  }

  get running(): RunningRegion {
    return present(this.#running, `${this.name} runs`);
  }

  get client(): DynamoDBClient {
    return present(this.#client, `${this.name} runs`);
  }

  /** Ports are new ones each time. */
  async start(): Promise<void> {
    const { config, dataDirectory, logger } = this;
    const { network, regions } = this.#options;
    this.#running = await startRegion({ config, dataDirectory, network, regions, logger });
    this.#client = createClient(this.running.endpoint, this.name);
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    this.#client?.destroy();
    this.#client = undefined;
    await running?.stop();
  }

  zonePath(zone: ZoneName): string {
    return join(this.dataDirectory, `zone-${zone}`);
  }

  zoneState(zone: ZoneName): string {
    const view = this.running.operations.zones().find((each) => each.zone === zone);
    return present(view, `zone ${zone}`).state;
  }

  async untilZones(state: string, zones: readonly ZoneName[] = ['a', 'b', 'c']): Promise<void> {
    await until(
      `zones ${zones.join(', ')} of ${this.name} to be ${state}`,
      () => zones.every((zone) => this.zoneState(zone) === state),
      { detail: () => this.running.operations.zones() },
    );
  }

  /** Undefined when the region has no such table. */
  table(name: string): TableReport | undefined {
    const { tables } = this.running.operations.replication();
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the answer of our own operations port
    return (tables as unknown as readonly TableReport[]).find((table) => table.name === name);
  }

  /** A change through the operations port, over HTTP. Rejects unless the answer is 200. */
  /** Waits until every copy has applied what is committed. */
  async untilApplied(): Promise<void> {
    await until(
      `all copies of ${this.name} to have applied everything`,
      () => this.running.operations.zones().every(({ partitions }) => isApplied(partitions)),
      { detail: () => this.running.operations.zones() },
    );
  }

  async post(path: string, body: object = {}): Promise<void> {
    const response = await fetch(`${this.running.operationsEndpoint}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  }

  /** The samples of one metric. */
  async metric(name: string): Promise<readonly Sample[]> {
    const { text } = await this.running.operations.metrics();
    return parsePrometheusText(text).filter((sample) => sample.name === name);
  }
}

/** A region's configuration for a test: free ports of 127.0.0.1 and what it chooses. */
export function testConfig(name: string, choices: ConfigChoices = {}): RegionConfig {
  const place = { hosts: ['127.0.0.1'], port: 0 };
  const value = { region: name, endpoint: place, operations: place, ...choices };
  return readConfig({ name, value, lineOf: () => undefined }, {});
}

export const createClient = (endpoint: string, region: string): DynamoDBClient =>
  new DynamoDBClient({
    endpoint,
    region,
    maxAttempts: 1,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });

const isApplied = (partitions: Json): boolean =>
  Array.isArray(partitions) &&
  partitions.every(
    (each: { readonly committed: number; readonly applied: number }) =>
      each.applied === each.committed,
  );
