import type { Random } from '../../src/base/random.ts';
import type { InProcessEndpoint } from '../../src/bus/in-process-network.ts';
import type { RegionConfig } from '../../src/daemon/config.ts';
import { RegionEngine } from '../../src/daemon/region-engine.ts';
import type { RegionPlace } from '../../src/daemon/region-place.ts';
import { type Zone, ZONES } from '../../src/log/embedded/storage-node-identity.ts';
import type { KeyValuePair } from '../../src/storage/key-value-store.ts';
import { CountingMetrics } from '../support/counting-metrics.ts';
import { type BusFaults, LossyBus, NO_FAULTS } from '../support/lossy-bus.ts';
import { type SavedDisk, SimulatedDisk } from '../support/simulated-disk.ts';
import { JournalLogger } from './journal.ts';
import { MachineClock, ProcessBus, ProcessDisk, ProcessLife } from './process-life.ts';
import { SimulatedStore } from './process-store.ts';
import type { World } from './world.ts';
import type { RegionOptions } from './world-options.ts';

/** What the disks of a zone held at one moment. */
export interface SavedZone {
  readonly log: SavedDisk;
  readonly store: readonly KeyValuePair[];
}

export interface SavedRegion {
  readonly zones: Readonly<Record<Zone, SavedZone>>;
  readonly positions: SavedDisk;
  /** Up to where each partition's log was known to be durable. */
  readonly ends: readonly number[];
}

/** One life of a region, from its start on. */
export interface Running {
  readonly life: ProcessLife;
  readonly engine: RegionEngine;
}

/** Pause before a process that could not start is started again, as a supervisor does. */
const restartMs = 1000;

/** A machine with a region on it: its disks and clocks outlive its processes. */
export class SimRegion {
  readonly name: string;
  readonly options: RegionOptions;
  readonly machine: MachineClock;
  readonly endpoint: InProcessEndpoint;
  readonly logDisks: Readonly<Record<Zone, SimulatedDisk>>;
  readonly stores: Readonly<Record<Zone, SimulatedStore>>;
  readonly positions: SimulatedDisk;
  readonly metrics = new CountingMetrics();
  readonly #world: World;
  readonly #random: Random;
  #running: Running | undefined;
  #life: ProcessLife | undefined;
  /** Counts starts from outside; undefined is down. */
  #wanted: number | undefined;
  #starts = 0;
  #bus: LossyBus | undefined;
  #busFaults: BusFaults = NO_FAULTS;
  /** Counts processes. */
  lives = 0;

  constructor(world: World, options: RegionOptions, random: Random) {
    this.name = options.name;
    this.options = options;
    this.#world = world;
    this.#random = random;
    this.machine = new MachineClock(world.clock, options.wallAheadMs);
    this.endpoint = world.network.endpoint(options.name);
    const { diskMs } = world.options;
    const disk = (): SimulatedDisk =>
      new SimulatedDisk({ random, clock: world.clock, latencyMs: diskMs });
    const store = (): SimulatedStore => new SimulatedStore(world.clock, random);
    this.logDisks = { a: disk(), b: disk(), c: disk() };
    this.stores = { a: store(), b: store(), c: store() };
    this.positions = disk();
    this.setDiskMs(diskMs);
  }

  /** Undefined while it starts, or is down. */
  get running(): Running | undefined {
    return this.#running;
  }

  /** The process, ready or not. */
  get life(): ProcessLife | undefined {
    return this.#life;
  }

  setDiskMs(ms: number): void {
    this.positions.setLatencyMs(ms);
    for (const zone of ZONES) this.setZoneDiskMs(zone, ms);
  }

  setZoneDiskMs(zone: Zone, ms: number): void {
    this.logDisks[zone].setLatencyMs(ms);
    this.stores[zone].latencyMs = ms / 2;
  }

  setBusFaults(faults: BusFaults): void {
    this.#busFaults = faults;
    this.#bus?.set(faults);
  }

  /** Starts a process and, should it not come up, another one, until it runs or is killed. */
  async start(): Promise<void> {
    if (this.#wanted !== undefined || this.#world.lost.has(this.name)) return;
    this.#starts += 1;
    this.#wanted = this.#starts;
    await this.#keepStarting(this.#wanted);
  }

  async #keepStarting(start: number): Promise<void> {
    while (this.#wanted === start && this.#running === undefined) {
      const life = new ProcessLife({
        machine: this.machine,
        world: this.#world.clock,
        random: this.#random,
        jitterMs: this.#world.options.jitterMs,
      });
      this.#life = life;
      this.lives += 1;
      this.#world.note(this.name, `process ${this.lives} starts`);
      const outcome = await Promise.race([
        this.#run(life),
        life.died.then(() => 'killed' as const),
      ]);
      if (outcome === 'killed') return;
      if (outcome !== 'runs') {
        this.#world.note(this.name, `process ${this.lives} did not start: ${outcome.message}`);
        this.#endProcess('process');
        await this.#world.clock.sleep(restartMs);
      }
    }
  }

  async #run(life: ProcessLife): Promise<'runs' | Error> {
    await this.endpoint.start();
    const { clock, options, random } = this.#world;
    const bus = new LossyBus(this.endpoint, { clock, random, faults: this.#busFaults });
    this.#bus = bus;
    try {
      const engine = await RegionEngine.open({
        config: this.#config(),
        place: this.#place(life),
        regions: options.regions.map(({ name }) => name),
        endpoint: new ProcessBus(life, bus),
        clock: life,
        random: this.#random,
        logger: new JournalLogger(this.#world.journal, this.name),
        metrics: this.metrics,
        logSegmentBytes: options.logSegmentBytes,
      });
      await engine.start();
      this.#running = { life, engine };
      this.#world.note(this.name, `process ${this.lives} is ready`);
      this.#world.onReady(this, this.#running);
      return 'runs';
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** Ends the process wherever it stands. Without power the disks forget what was not synced. */
  kill(how: 'process' | 'power'): void {
    this.#wanted = undefined;
    this.#endProcess(how);
  }

  #endProcess(how: 'process' | 'power'): void {
    this.#life?.kill();
    this.#life = undefined;
    this.#running = undefined;
    void this.endpoint.stop();
    for (const disk of [...Object.values(this.logDisks), this.positions]) {
      if (how === 'power') disk.powerCut();
      else disk.crash();
    }
    for (const zone of ZONES) this.stores[zone].end(how);
  }

  saveZone(zone: Zone): SavedZone {
    return { log: this.logDisks[zone].save(), store: this.stores[zone].disk.pairs() };
  }

  restoreZone(zone: Zone, { log, store }: SavedZone): void {
    this.logDisks[zone].restore(log);
    this.stores[zone].wipe();
    this.stores[zone].disk.restore(store);
  }

  save(): SavedRegion {
    const partitions = this.#running?.engine.core.partitions ?? [];
    return {
      zones: { a: this.saveZone('a'), b: this.saveZone('b'), c: this.saveZone('c') },
      positions: this.positions.save(),
      ends: partitions.map(({ committed }) => committed.index),
    };
  }

  restore(saved: SavedRegion): void {
    for (const zone of ZONES) this.restoreZone(zone, saved.zones[zone]);
    this.positions.restore(saved.positions);
  }

  eraseZone(zone: Zone): void {
    this.logDisks[zone].erase();
    this.stores[zone].wipe();
  }

  erase(): void {
    for (const zone of ZONES) this.eraseZone(zone);
    this.positions.erase();
  }

  #place(life: ProcessLife): RegionPlace {
    return {
      logDisk: async (zone) => new ProcessDisk(life, this.logDisks[zone]),
      positionsDisk: async () => new ProcessDisk(life, this.positions),
      open: async (zone) => this.stores[zone].open(life),
      openNext: async (zone) => this.stores[zone].openNext(life),
      takeNext: async (zone) => this.stores[zone].takeNext(life),
      hasSpace: async (zone) => !this.stores[zone].isFull,
    };
  }

  #config(): RegionConfig {
    const { options } = this.#world;
    return {
      region: this.name,
      accountId: '000000000000',
      endpoint: { hosts: [], port: 0 },
      operations: { hosts: [], port: 0 },
      partitions: this.options.partitions,
      zones: { a: { directory: 'a' }, b: { directory: 'b' }, c: { directory: 'c' } },
      durability: 'synced',
      statusMs: 50,
      credentials: [],
      checkRegionScope: false,
      retention: { hours: options.retentionMs / 3_600_000, bytes: options.retentionBytes },
      streams: { hours: options.retentionMs / 3_600_000, shardHours: 4 },
      globalTables: { sourceRegionRule24h: false, requireAutoScaling: false },
      clock: { offsetMs: 0 },
      log: { level: 'info' },
    };
  }
}
