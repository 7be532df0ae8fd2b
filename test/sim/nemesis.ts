import { type Random, randomBelow } from '../../src/base/random.ts';
import { type Zone, ZONES } from '../../src/log/embedded/storage-node-identity.ts';
import { NO_FAULTS } from '../support/lossy-bus.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { removeLostRegion } from './region-loss.ts';
import type { SavedRegion, SavedZone, SimRegion } from './sim-region.ts';
import type { World } from './world.ts';
import { type FaultName, pickFrom } from './world-options.ts';

/** What takes a zone's data away hits one zone at a time: the others must be able to make up for it. */
interface Wound {
  readonly zone: Zone;
  /** A bit that nobody has read yet may stay unseen: the zone is wounded until it was renewed. */
  readonly lasts: boolean;
}

/** How often, and how many times, it is looked whether a write is under way. */
const TEAR_LOOK_MS = 0.5;
const TEAR_LOOKS_MAX = 400;

/** A region has no more partitions than this, however often it is split. */
const PARTITIONS_MAX = 8;

/** Mean time from one split to the next, in worlds that have some. */
const SPLIT_EVERY_MS = 3000;

/** How many splits are interrupted, and how soon. */
const SPLIT_CRASHES = 0.4;
const SPLIT_CRASH_MS = 40;

/** How long a disk takes that is to be behind. */
const LATE_MS = 400;

/** How often, and how many times, an operator looks after the logs whose disks have failed once all is healed. */
const OPERATOR_LOOK_MS = 500;
const OPERATOR_LOOKS = 10;

/** Does to the world what the seed has drawn, and ends it all when it is told to. */
export class Nemesis {
  readonly #world: World;
  readonly #random: Random;
  readonly #wounds = new Map<string, Wound>();
  /** Regions of which one zone is away that may have what another has not got: the third one must not vote as it was. */
  readonly #waiting = new Set<string>();
  readonly #undo = new Set<() => void | Promise<void>>();
  readonly #saved = new Map<string, SavedRegion>();
  /** Processes that died with a zone of theirs about to lose its disks. */
  readonly #bereft = new WeakSet<object>();
  readonly #savedZones = new Map<string, SavedZone>();
  /** The zones whose log disks have failed a sync. */
  readonly #failedSyncs = new Set<string>();
  #isOver = false;

  constructor(world: World) {
    this.#world = world;
    this.#random = new SeededRandom(world.seed ^ 0x5eed);
  }

  async run(): Promise<void> {
    const { clock, options } = this.#world;
    if (options.faults.length === 0) return;
    if (options.faults.includes('split')) void this.#keepSplitting();
    for (;;) {
      await clock.sleep(-Math.log(1 - this.#random.next()) * options.faultEveryMs);
      if (this.#isOver) return;
      const fault = this.#pick(options.faults);
      const region = this.#pick(this.#world.regions);
      this.#strike(fault, region);
    }
  }

  /** Among many faults each is rare, and a split is over soon. */
  async #keepSplitting(): Promise<void> {
    const { clock, regions } = this.#world;
    for (;;) {
      await clock.sleep(-Math.log(1 - this.#random.next()) * SPLIT_EVERY_MS);
      if (this.#ended()) return;
      this.#strike('split', this.#pick(regions));
    }
  }

  #ended(): boolean {
    return this.#isOver;
  }

  /** No new faults, and an end to those that last. */
  async heal(): Promise<void> {
    this.#isOver = true;
    for (const undo of this.#undo) {
      this.#undo.delete(undo);
      await undo();
    }
    for (const region of this.#world.regions) {
      region.machine.setRate(1);
      region.machine.setRight();
      region.life?.resume();
      void region.start();
    }
    void this.#startFailed();
    this.#world.note('WORLD', 'healed');
  }

  /**
   * A log cuts back what a failed sync was for before it shows that it has failed, and a start until then does nothing.
   * Logs that have failed for another reason are not helped.
   */
  async #startFailed(): Promise<void> {
    for (let looks = 0; looks < OPERATOR_LOOKS; looks += 1) {
      await this.#world.clock.sleep(OPERATOR_LOOK_MS);
      for (const region of this.#world.regions)
        for (const zone of ZONES) {
          const state = region.running?.engine.core.logs.zoneState(zone);
          if (state === 'failed' && this.#failedSyncs.has(`${region.name} ${zone}`))
            this.#startZone(region, zone);
        }
    }
  }

  #pick<T>(choices: readonly T[]): T {
    return pickFrom(this.#random, choices);
  }

  /** Ends by itself after a while, or when all is healed. */
  #lasting(meanMs: number, undo: () => void | Promise<void>): void {
    this.#undo.add(undo);
    const ms = -Math.log(1 - this.#random.next()) * meanMs;
    void this.#after(ms, async () => {
      if (this.#undo.delete(undo)) await undo();
    });
  }

  async #after(ms: number, task: () => void | Promise<void>): Promise<void> {
    await this.#world.clock.sleep(ms);
    await task();
  }

  #did(fault: FaultName | 'duplicate', region: SimRegion, how = ''): void {
    this.#world.count(fault);
    this.#world.note('WORLD', `${fault} ${region.name} ${how}`);
  }

  #strike(fault: FaultName, region: SimRegion): void {
    switch (fault) {
      case 'power loss':
      case 'crash':
        return this.#kill(fault, region, fault === 'crash' ? 'process' : 'power');
      case 'torn write':
        return this.#tear(region);
      case 'flipped byte':
        return this.#flip(region);
      case 'full disk':
        return this.#fill(region);
      case 'slow disk':
        return this.#slow(region);
      case 'zone stop':
        return this.#stopZone(region);
      case 'zone lost':
        return this.#loseZone(region);
      case 'store damaged':
        return this.#rot(region);
      case 'old disk':
        return this.#oldZone(region);
      case 'old region':
        return this.#oldRegion(region);
      case 'pause':
        return this.#pause(region);
      case 'cut':
      case 'one-way cut':
        return this.#cut(fault, region);
      case 'delay':
        return this.#delay(region);
      case 'loss':
        return this.#lose(region);
      case 'clock jump':
        return this.#jump(region);
      case 'clock drift':
        return this.#drift(region);
      case 'failed sync':
        return this.#failSync(region);
      case 'misdirected write':
        return this.#misdirect(region);
      case 'region lost':
        return this.#loseRegion(region);
      case 'late zone':
        return this.#comeLate(region);
      case 'split':
        return this.#split(region);
    }
  }

  #kill(fault: FaultName, region: SimRegion, how: 'process' | 'power'): void {
    if (region.life === undefined) return;
    this.#did(fault, region);
    region.kill(how);
    this.#lasting(2000, () => {
      void region.start();
    });
  }

  /** A power cut while a write is under way: the disks decide what of it is there. */
  #tear(region: SimRegion): void {
    if (region.life !== undefined) void this.#cutWhileBusy(region);
  }

  async #cutWhileBusy(region: SimRegion): Promise<void> {
    const before = ZONES.map((zone) => region.logDisks[zone].syncs);
    await this.#writeUnderWay(region);
    if (region.life === undefined || this.#isOver) return;
    this.#did('torn write', region, `syncs ${before.join(' ')}`);
    region.kill('power');
    this.#lasting(1000, () => {
      void region.start();
    });
  }

  /** Comes while a write is on its way to all disks, or after a while without one. */
  async #writeUnderWay(region: SimRegion): Promise<void> {
    const { clock, options } = this.#world;
    for (let looks = 0; looks < TEAR_LOOKS_MAX; looks += 1) {
      await clock.sleep(TEAR_LOOK_MS);
      if (ZONES.every((zone) => region.logDisks[zone].hasUnsynced)) break;
    }
    await clock.sleep(this.#random.next() * options.diskMs);
  }

  /** Whether a zone may lose data now; it counts as wounded from then on. */
  #wound(region: SimRegion, lasts: boolean): Zone | undefined {
    this.#look(region);
    const wound = this.#wounds.get(region.name);
    const zone = wound?.zone ?? this.#pick(ZONES);
    this.#wounds.set(region.name, { zone, lasts: lasts || (wound?.lasts ?? false) });
    return zone;
  }

  /** A wound is healed once the region runs with all zones as they should be. */
  #look(region: SimRegion): void {
    if (!this.#isWhole(region)) return;
    this.#waiting.delete(region.name);
    const wound = this.#wounds.get(region.name);
    if (wound === undefined || wound.lasts) return;
    if (!region.stores[wound.zone].isRotten) this.#wounds.delete(region.name);
  }

  /** Whether it runs, and every zone votes and serves. */
  #isWhole({ running }: SimRegion): boolean {
    const core = running?.engine.core;
    return (
      core !== undefined &&
      ZONES.every(
        (zone) => core.logs.zoneState(zone) === 'live' && core.zones.state(zone) === 'applying',
      )
    );
  }

  #flip(region: SimRegion): void {
    const zone = this.#wound(region, true);
    if (zone === undefined) return;
    const disk = region.logDisks[zone];
    const files = [...disk.sizes()].filter(([name, size]) => name.startsWith('log-') && size > 0);
    if (files.length === 0) return;
    const [name, size] = this.#pick(files);
    const offset = randomBelow(this.#random, size);
    disk.corrupt(name, offset);
    this.#did('flipped byte', region, `zone ${zone} ${name} at ${offset} of ${size}`);
  }

  #fill(region: SimRegion): void {
    const zone = this.#pick(ZONES);
    this.#did('full disk', region, `zone ${zone}`);
    region.logDisks[zone].setFull(true);
    region.stores[zone].isFull = true;
    this.#lasting(4000, () => {
      region.logDisks[zone].setFull(false);
      region.stores[zone].isFull = false;
    });
  }

  #slow(region: SimRegion): void {
    const zone = this.#pick(ZONES);
    const ms = this.#pick([20, 100, 400]);
    this.#did('slow disk', region, `zone ${zone} ${ms} ms`);
    region.setZoneDiskMs(zone, ms);
    this.#lasting(4000, () => {
      region.setZoneDiskMs(zone, this.#world.options.diskMs);
    });
  }

  #stopZone(region: SimRegion): void {
    const { running } = region;
    if (running === undefined) return;
    const zone = this.#pick(ZONES);
    const { zones } = running.engine.core;
    if (zones.state(zone) === 'stopped') return;
    this.#did('zone stop', region, `zone ${zone}`);
    const stopped = Promise.race([zones.stopZone(zone), running.life.died]);
    this.#lasting(4000, () => this.#startZone(region, zone, stopped));
  }

  /** A paused process stops a zone only when it goes on: nobody starts it before that. */
  #startZone(region: SimRegion, zone: Zone, stopped: Promise<void> = Promise.resolve()): void {
    this.#world.note('WORLD', `zone start ${region.name} zone ${zone}`);
    const start = async (): Promise<void> => {
      await stopped;
      for (;;) {
        const { running } = region;
        if (running === undefined) return;
        const { zones } = running.engine.core;
        try {
          await Promise.race([zones.startZone(zone), running.life.died]);
          return;
        } catch (error) {
          this.#world.note('WORLD', `zone ${zone} of ${region.name} not started: ${String(error)}`);
          await this.#world.clock.sleep(500);
        }
      }
    };
    void start();
  }

  /** The disks of a zone come back blank. */
  #loseZone(region: SimRegion): void {
    const zone = this.#wound(region, false);
    if (zone === undefined) return;
    this.#replaceDisks(region, zone, () => {
      this.#did('zone lost', region, `zone ${zone}`);
      region.eraseZone(zone);
    });
  }

  #replaceDisks(region: SimRegion, zone: Zone, replace: () => void): void {
    const { running } = region;
    if (running === undefined) {
      if (region.life === undefined) replace();
      return;
    }
    void this.#stopAndReplace(region, zone, replace);
  }

  async #stopAndReplace(region: SimRegion, zone: Zone, replace: () => void): Promise<void> {
    const { running } = region;
    if (running === undefined) return;
    await Promise.race([running.engine.core.zones.stopZone(zone), running.life.died]);
    if (region.running !== running && region.life !== undefined) return;
    if (running.life.isDead) {
      // Of all that waited for a zone of this process to stop, one alone: two zones without disks are more than a region bears.
      if (this.#bereft.has(running)) return;
      this.#bereft.add(running);
    }
    replace();
    this.#lasting(1000, () => this.#startZone(region, zone));
  }

  #rot(region: SimRegion): void {
    const zone = this.#wound(region, false);
    if (zone === undefined) return;
    this.#did('store damaged', region, `zone ${zone}`);
    region.stores[zone].isRotten = true;
  }

  /** A zone comes back on the disks of an earlier time. */
  #oldZone(region: SimRegion): void {
    const saved = this.#savedZones.get(region.name);
    const zone = this.#wound(region, false);
    if (zone === undefined) return;
    const name = `${region.name} ${zone}`;
    const copy = this.#savedZones.get(name);
    if (copy === undefined || saved !== undefined) {
      // Rotten disks make no good copies.
      if (!region.stores[zone].isRotten) this.#savedZones.set(name, region.saveZone(zone));
      return;
    }
    this.#savedZones.delete(name);
    this.#replaceDisks(region, zone, () => {
      // A blank disk has no vote and waits for the zone that is away; an old one would decide without it.
      if (this.#waiting.has(region.name)) return;
      this.#did('old disk', region, `zone ${zone}`);
      region.restoreZone(zone, copy);
    });
  }

  /** The whole region comes back on the disks of an earlier time: it has lost what it acknowledged since. */
  #oldRegion(region: SimRegion): void {
    this.#look(region);
    const saved = this.#saved.get(region.name);
    if (saved === undefined) {
      if (region.running === undefined || this.#wounds.has(region.name)) return;
      this.#saved.set(region.name, region.save());
      return;
    }
    if (region.life === undefined || this.#world.isRegionHurt) return;
    this.#world.isRegionHurt = true;
    this.#did('old region', region, `ends ${saved.ends.join(' ')}`);
    this.#world.rolledBack.set(region.name, this.#world.tick());
    region.kill('power');
    region.restore(saved);
    this.#wounds.delete(region.name);
    for (const zone of ZONES) this.#savedZones.delete(`${region.name} ${zone}`);
    this.#world.truth(region.name).rollBack(saved.ends);
    this.#lasting(1000, () => {
      void region.start();
    });
  }

  #pause(region: SimRegion): void {
    const { life } = region;
    if (life === undefined || life.isPaused) return;
    this.#did('pause', region);
    life.pause();
    this.#lasting(1500, () => life.resume());
  }

  /** A partition is split somewhere, and now and then the process or its power ends in the middle of that. */
  #split(region: SimRegion): void {
    const splits = region.running?.engine.core.splits;
    if (splits === undefined || splits.all.length >= PARTITIONS_MAX) return;
    const { number, hashes } = this.#pick(splits.all);
    const middle = hashes.from + 1 + randomBelow(this.#random, hashes.to - hashes.from - 1);
    this.#did('split', region, `partition ${number} at ${middle}`);
    this.#world.onSplit(region, { from: middle, to: hashes.to });
    // A refusal, or an end of the process, is no fault of the split.
    void splits.split(number, middle).catch(() => undefined);
    if (this.#random.next() < SPLIT_CRASHES)
      void this.#after(this.#random.next() * SPLIT_CRASH_MS, () => {
        this.#kill('crash', region, this.#random.next() < 0.5 ? 'process' : 'power');
      });
  }

  #cut(fault: 'cut' | 'one-way cut', region: SimRegion): void {
    const other = this.#pick(this.#world.regions.filter((each) => each !== region));
    this.#did(fault, region, `to ${other.name}`);
    const set = (up: boolean): void => {
      region.endpoint.links.set(other.name, { up });
      if (fault === 'cut') other.endpoint.links.set(region.name, { up });
    };
    set(false);
    this.#lasting(this.#pick([1000, 4000, 12_000]), () => set(true));
  }

  #delay(region: SimRegion): void {
    const delayMs = this.#pick([50, 300, 2000]);
    this.#did('delay', region, `${delayMs} ms`);
    const set = (ms: number): void => {
      for (const other of this.#world.regions)
        if (other !== region) region.endpoint.links.set(other.name, { delayMs: ms });
    };
    set(delayMs);
    this.#lasting(4000, () => set(this.#world.options.linkDelayMs));
  }

  #lose(region: SimRegion): void {
    const chance = this.#pick([0.02, 0.1, 0.3]);
    this.#did('loss', region, `${chance}`);
    this.#world.count('duplicate');
    region.setBusFaults({
      dropRequest: this.#random.next() * chance,
      dropAnswer: this.#random.next() * chance,
      duplicate: this.#random.next() * chance * 2,
      delayMsMax: this.#pick([0, 10, 100, 1000]),
    });
    this.#lasting(6000, () => region.setBusFaults(NO_FAULTS));
  }

  #jump(region: SimRegion): void {
    const ms = this.#pick([-3_600_000, -5000, -300, 300, 5000, 3_600_000]);
    this.#did('clock jump', region, `${ms} ms`);
    region.machine.jumpWall(ms);
    this.#lasting(5000, () => region.machine.setRight());
  }

  #drift(region: SimRegion): void {
    const rate = 1 + (this.#random.next() - 0.5) * this.#pick([0.0005, 0.002, 0.02]);
    this.#did('clock drift', region, `rate ${rate.toFixed(6)}`);
    region.machine.setRate(rate);
    this.#lasting(10_000, () => region.machine.setRate(1));
  }

  /** A log whose disk has failed is started again by its operator alone. */
  #failSync(region: SimRegion): void {
    const zone = this.#pick(ZONES);
    const part = this.#pick(['log', 'store', 'both'] as const);
    const count = this.#pick([1, 1, 3]);
    const failed = (what: string) => () => {
      this.#did('failed sync', region, `zone ${zone} ${what}`);
      if (what === 'log') this.#failedSyncs.add(`${region.name} ${zone}`);
    };
    const [disk, store] = [region.logDisks[zone], region.stores[zone]];
    if (part !== 'store') disk.failNextSyncs(count, failed('log'));
    store.onSyncFailed = failed('store');
    if (part !== 'log') store.syncFailures = count;
    this.#lasting(4000, () => {
      disk.failNextSyncs(0, () => {});
      store.syncFailures = 0;
      this.#startZone(region, zone);
    });
  }

  #misdirect(region: SimRegion): void {
    const zone = this.#wound(region, true);
    if (zone === undefined) return;
    const disk = region.logDisks[zone];
    disk.misdirectNext((what) => this.#did('misdirected write', region, `zone ${zone} ${what}`));
    this.#lasting(4000, () => disk.misdirectNext(undefined));
  }

  /** The whole region is gone. Its operators remove it, and some day it may come back. */
  #loseRegion(region: SimRegion): void {
    const world = this.#world;
    if (region.life === undefined || world.isRegionHurt) return;
    world.isRegionHurt = true;
    const returns = this.#random.next() < 0.4;
    this.#did('region lost', region, returns ? 'for a while' : 'for good');
    world.lost.set(region.name, returns ? 'for a while' : 'for good');
    region.kill('power');
    if (!returns) region.erase();
    void removeLostRegion(world, region, this.#random.next() * 10_000);
  }

  /**
   * Power fails while one zone is behind. Of the other two one comes back blank, and the one that has everything comes only
   * later: until then nobody can say where the logs end.
   */
  #comeLate(region: SimRegion): void {
    const blank = this.#isWhole(region) ? this.#wound(region, false) : undefined;
    if (blank === undefined) return;
    const late = this.#pick(ZONES.filter((zone) => zone !== blank));
    const behind = ZONES.find((zone) => zone !== blank && zone !== late) ?? late;
    region.setZoneDiskMs(behind, LATE_MS);
    void this.#after(this.#random.next() * LATE_MS, () => {
      region.setZoneDiskMs(behind, this.#world.options.diskMs);
      if (!this.#isWhole(region) || this.#isOver) return;
      // Another zone may have been wounded meanwhile, for good.
      const wound = this.#wounds.get(region.name) ?? { zone: blank, lasts: false };
      if (wound.zone !== blank) return;
      this.#wounds.set(region.name, wound);
      this.#waiting.add(region.name);
      this.#did('late zone', region, `zone ${late}, zone ${blank} blank`);
      region.kill('power');
      region.eraseZone(blank);
      region.logDisks[late].setBroken(true);
      this.#lasting(1000, () => {
        void region.start();
      });
      this.#lasting(4000, () => {
        region.logDisks[late].setBroken(false);
        this.#restartFor(region, late);
      });
    });
  }

  /** A process that waits for that zone to come up is started again. */
  #restartFor(region: SimRegion, zone: Zone): void {
    if (region.running !== undefined) this.#startZone(region, zone);
    else if (region.life !== undefined) {
      region.kill('process');
      void region.start();
    }
  }
}
