import type { Clock } from '../../src/base/clock.ts';
import type { Disk, DiskFile } from '../../src/base/disk.ts';
import type { Random } from '../../src/base/random.ts';
import type { Bus, BusMessage, RequestHandler, RequestOptions } from '../../src/bus/bus.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';

/** The clocks of one machine in the world's time. They outlive the processes on it. */
export class MachineClock {
  readonly #world: VirtualClock;
  #rate = 1;
  #sinceWorldMs = 0;
  #sinceMs = 0;
  #wallAheadMs: number;

  constructor(world: VirtualClock, wallAheadMs: number) {
    this.#world = world;
    this.#wallAheadMs = world.wallMs() - world.monotonicMs() + wallAheadMs;
  }

  monotonicMs(): number {
    return this.#sinceMs + (this.#world.monotonicMs() - this.#sinceWorldMs) * this.#rate;
  }

  wallMs(): number {
    return Math.floor(this.monotonicMs() + this.#wallAheadMs);
  }

  /** How long the world takes while this machine counts `ms`. */
  worldMs(ms: number): number {
    return ms / this.#rate;
  }

  /** From now on both clocks run by this rate. */
  setRate(rate: number): void {
    this.#sinceMs = this.monotonicMs();
    this.#sinceWorldMs = this.#world.monotonicMs();
    this.#rate = rate;
  }

  jumpWall(byMs: number): void {
    this.#wallAheadMs += byMs;
  }

  /** How far the wall clock is ahead of the world's. */
  wallAheadMs(): number {
    return this.wallMs() - this.#world.wallMs();
  }

  /** As a machine that asks a time server does. */
  setRight(): void {
    this.setRate(1);
    this.#wallAheadMs -= this.wallAheadMs();
  }
}

/**
 * One life of a process: everything that it gets from outside comes through here, so that it can be stopped in the middle of
 * anything. A killed one hears of nothing any more, ever; a paused one hears of it later, in the same order.
 */
export class ProcessLife implements Clock {
  readonly machine: MachineClock;
  readonly died: Promise<void>;
  readonly #world: VirtualClock;
  readonly #random: Random;
  readonly #jitterMs: number;
  #state: 'running' | 'paused' | 'dead' = 'running';
  #held: (() => void)[] = [];
  #markDead: () => void = () => {};

  constructor(options: {
    readonly machine: MachineClock;
    readonly world: VirtualClock;
    readonly random: Random;
    /** Sleeps end up to so much late. */
    readonly jitterMs: number;
  }) {
    this.machine = options.machine;
    this.#world = options.world;
    this.#random = options.random;
    this.#jitterMs = options.jitterMs;
    this.died = new Promise((resolve) => {
      this.#markDead = resolve;
    });
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  get isPaused(): boolean {
    return this.#state === 'paused';
  }

  kill(): void {
    this.#state = 'dead';
    this.#held = [];
    this.#markDead();
  }

  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    const held = this.#held;
    this.#held = [];
    for (const run of held) this.#world.defer(() => this.gate(run));
  }

  /** Runs it now, when the process goes on, or never. */
  gate(run: () => void): void {
    if (this.#state === 'running') run();
    else if (this.#state === 'paused') this.#held.push(run);
  }

  /** What comes of something outside of the process, as far as the process still hears of it. */
  async hear<T>(ask: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.isDead) return;
      ask().then(
        (value) => this.gate(() => resolve(value)),
        (error: unknown) => this.gate(() => reject(error)),
      );
    });
  }

  /** Resolves when the process can take something from outside; never once it is dead. */
  async turn(): Promise<void> {
    return new Promise((resolve) => this.gate(resolve));
  }

  wallMs(): number {
    return this.machine.wallMs();
  }

  monotonicMs(): number {
    return this.machine.monotonicMs();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const late = ms > 0 ? this.#random.next() * Math.min(this.#jitterMs, ms) : 0;
    return new Promise((resolve) => {
      if (this.isDead) return;
      void this.#world
        .sleep(this.machine.worldMs(ms + late), signal)
        .then(() => this.gate(resolve));
    });
  }

  defer(task: () => void): void {
    this.#world.defer(() => this.gate(task));
  }
}

/** A disk as one process sees it. */
export class ProcessDisk implements Disk {
  readonly #life: ProcessLife;
  readonly #disk: Disk;

  constructor(life: ProcessLife, disk: Disk) {
    this.#life = life;
    this.#disk = disk;
  }

  async open(name: string): Promise<DiskFile> {
    const life = this.#life;
    const file = await life.hear(async () => this.#disk.open(name));
    return {
      name,
      get sizeBytes() {
        return file.sizeBytes;
      },
      append: async (chunks) => life.hear(async () => file.append(chunks)),
      sync: async () => life.hear(async () => file.sync()),
      read: async (offset, lengthBytes) => life.hear(async () => file.read(offset, lengthBytes)),
      truncate: async (sizeBytes) => life.hear(async () => file.truncate(sizeBytes)),
      close: async () => life.hear(async () => file.close()),
    };
  }

  async list(): Promise<readonly string[]> {
    return this.#life.hear(async () => this.#disk.list());
  }

  async delete(name: string): Promise<void> {
    return this.#life.hear(async () => this.#disk.delete(name));
  }

  async readAll(name: string): Promise<Uint8Array | undefined> {
    return this.#life.hear(async () => this.#disk.readAll(name));
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    return this.#life.hear(async () => this.#disk.replace(name, bytes));
  }
}

/** The bus as one process sees it. */
export class ProcessBus implements Bus {
  readonly region: string;
  readonly #life: ProcessLife;
  readonly #bus: Bus;

  constructor(life: ProcessLife, bus: Bus) {
    this.region = bus.region;
    this.#life = life;
    this.#bus = bus;
  }

  async request(region: string, message: BusMessage, options: RequestOptions): Promise<Uint8Array> {
    return this.#life.hear(async () => this.#bus.request(region, message, options));
  }

  serve(subject: string, handle: RequestHandler): () => void {
    const life = this.#life;
    return this.#bus.serve(subject, async (payload, from) => {
      await life.turn();
      const answer = handle(payload, from);
      return life.hear(async () => answer);
    });
  }
}
