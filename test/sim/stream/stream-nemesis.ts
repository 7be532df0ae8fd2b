import { pickFrom } from '../world-options.ts';
import type { StreamFault } from './stream-options.ts';
import { itemsHeld } from './stream-checks.ts';
import { strikeSplit } from './stream-splits.ts';
import type { StreamNode } from './stream-node.ts';
import type { Loss, StreamWorld } from './stream-world.ts';

const BROKER_FAULTS = {
  'append refused': { member: 'refused', chances: [0.2, 1], lastsMs: 1000 },
  'append unknown': { member: 'unknown', chances: [0.05, 0.3], lastsMs: 3000 },
  straggler: { member: 'straggler', chances: [0.1, 0.4], lastsMs: 4000 },
  'read not found': { member: 'notFound', chances: [0.3, 0.9], lastsMs: 500 },
} as const;

/** How long the steps of a transaction may take, as long as nothing goes wrong. */
const TRANSACTION_MS = [10, 30, 100] as const;

/** Does a world's faults, and ends them. */
export class StreamNemesis {
  readonly #world: StreamWorld;
  readonly #undo = new Set<() => void>();
  #isOver = false;

  constructor(world: StreamWorld) {
    this.#world = world;
  }

  async run(): Promise<void> {
    const { options, clock, random } = this.#world;
    while (!this.#isOver && options.faults.length > 0) {
      await clock.sleep(random.next() * 2 * options.faultEveryMs);
      if (!this.#ended()) this.#strike(pickFrom(random, options.faults));
    }
  }

  #ended(): boolean {
    return this.#isOver;
  }

  #strike(fault: StreamFault): void {
    switch (fault) {
      case 'append refused':
      case 'append unknown':
      case 'straggler':
      case 'read not found': {
        const { member, chances, lastsMs } = BROKER_FAULTS[fault];
        const { brokerFaults, random } = this.#world;
        if (brokerFaults[member] > 0) return;
        brokerFaults[member] = pickFrom(random, chances);
        this.#world.note('WORLD', `${fault} ${brokerFaults[member]}`);
        this.#lasting(lastsMs, () => {
          brokerFaults[member] = 0;
        });
        return;
      }
      case 'stream went back':
      case 'stream lost':
        this.#loseStream(fault);
        return;
      case 'node crash':
      case 'node power loss':
      case 'node pause':
      case 'node cut':
        this.#strikeNode(fault, this.#victim());
        return;
      case 'clock jump':
      case 'clock drift':
        this.#strikeClock(fault, this.#victim());
        return;
      case 'bus cut':
      case 'bus cut one way':
      case 'bus lossy':
        this.#strikeBus(fault);
        return;
      case 'transaction crash':
        this.#crashTransaction();
        return;
      case 'split':
        this.#world.count(fault);
        strikeSplit(this.#world);
        return;
      case 'node stop':
      case 'leader move':
      case 'node drain':
        this.#operate(fault, this.#victim());
    }
  }

  /** Mostly one that leads. */
  #victim(): StreamNode {
    const { nodes, random } = this.#world;
    const leading = nodes.filter(({ running }) =>
      (running?.engine.core.partitions ?? []).some((partition) => partition.leading !== undefined),
    );
    return pickFrom(random, leading.length > 0 && random.next() < 0.7 ? leading : nodes);
  }

  #strikeNode(
    fault: 'node crash' | 'node power loss' | 'node pause' | 'node cut',
    victim: StreamNode,
  ): void {
    const world = this.#world;
    const { life } = victim;
    if (life === undefined || life.isPaused || (fault === 'node cut' && victim.link.isCut)) return;
    if (victim.isHandled) return;
    // What one copy alone has of a lost stream must not go as well.
    if (
      fault === 'node power loss' &&
      world.partitions.some(({ number }) => world.isInDoubt(number))
    )
      return;
    world.count(fault);
    world.note('WORLD', `${fault} ${victim.zone}`);
    if (fault === 'node cut') {
      victim.link.isCut = true;
      // Mostly from the others too, since both go over one connection.
      const others = world.nodes.filter((node) => node !== victim && world.random.next() < 0.8);
      const ends = others.flatMap(({ zone }) => [
        world.network.cut(victim.zone, zone),
        world.network.cut(zone, victim.zone),
      ]);
      this.#lasting(4000, () => {
        victim.link.isCut = false;
        for (const end of ends) end();
      });
    } else if (fault === 'node pause') {
      life.pause();
      this.#lasting(4000, () => life.resume());
    } else {
      victim.kill(fault === 'node crash' ? 'process' : 'power');
      // Now and then so long that the log may be trimmed behind it.
      this.#lasting(pickFrom(world.random, [500, 2000, 10_000]), () => void victim.start());
    }
  }

  /** At any step of the next transaction that writes: its coordinator, or one that leads. */
  #crashTransaction(): void {
    const world = this.#world;
    const { random, clock } = world;
    world.onTransaction = (asked) => {
      const victim = random.next() < 0.5 ? asked : this.#victim();
      const inMs = random.next() * pickFrom(random, TRANSACTION_MS);
      const strike = (): void => {
        if (this.#isOver || victim.life === undefined) return;
        world.count('transaction crash');
        this.#strikeNode(random.next() < 0.5 ? 'node crash' : 'node power loss', victim);
      };
      void clock.sleep(inMs).then(strike);
    };
  }

  #strikeClock(fault: 'clock jump' | 'clock drift', { machine, zone }: StreamNode): void {
    const world = this.#world;
    world.count(fault);
    if (fault === 'clock jump') {
      const ms = pickFrom(world.random, [-3_600_000, -5000, -300, 300, 5000, 3_600_000]);
      world.note('WORLD', `clock jump ${zone} ${ms} ms`);
      machine.jumpWall(ms);
      this.#lasting(5000, () => machine.setRight());
      return;
    }
    const rate = 1 + (world.random.next() - 0.5) * pickFrom(world.random, [0.0005, 0.002, 0.02]);
    world.note('WORLD', `clock drift ${zone} ${rate.toFixed(6)}`);
    machine.setRate(rate);
    this.#lasting(10_000, () => machine.setRate(1));
  }

  #loseStream(kind: 'stream went back' | 'stream lost'): void {
    const world = this.#world;
    const { random } = world;
    const { number, truth } = pickFrom(random, world.partitions);
    if (world.loss !== undefined || truth.endIndex < 20) return;
    const { model } = world.streams.newest(number);
    if (kind === 'stream lost') model.disappear();
    else {
      model.goBack(1 + Math.floor(random.next() * 8));
      truth.goBack(model.last);
    }
    world.count(kind);
    world.note('WORLD', `${kind}: ${model.name} ends at ${model.last}`);
    const loss: Loss = {
      partition: number,
      kind,
      since: world.tick(),
      held: itemsHeld(world, number),
      leasesOver: Infinity,
      begun: Infinity,
      until: undefined,
      content: new Map(),
    };
    world.loss = loss;
    // Clocks drift by a hundredth at most.
    const untilOver = world.clock.sleep(world.options.leaseMs * 1.02);
    void untilOver.then(() => (loss.leasesOver = world.tick()));
  }

  #strikeBus(fault: 'bus cut' | 'bus cut one way' | 'bus lossy'): void {
    const world = this.#world;
    const { network, random } = world;
    if (fault === 'bus lossy') {
      if (network.faults.lost > 0) return;
      Object.assign(network.faults, {
        lost: pickFrom(random, [0.02, 0.2]),
        lateMsMax: pickFrom(random, [0, 50, 1000]),
      });
      world.count(fault);
      world.note('WORLD', `${fault} ${JSON.stringify(network.faults)}`);
      this.#lasting(3000, () => Object.assign(network.faults, { lost: 0, lateMsMax: 0 }));
      return;
    }
    const { zone } = this.#victim();
    const others = world.nodes.map((node) => node.zone).filter((other) => other !== zone);
    // From one other, or from both.
    const cutOff = random.next() < 0.5 ? others : [pickFrom(random, others)];
    const isOutwards = random.next() < 0.5;
    world.count(fault);
    world.note('WORLD', `${fault} ${zone} ${isOutwards ? 'to' : 'from'} ${cutOff.join(' and ')}`);
    const ends = cutOff.flatMap((other) => [
      ...(fault === 'bus cut' || isOutwards ? [network.cut(zone, other)] : []),
      ...(fault === 'bus cut' || !isOutwards ? [network.cut(other, zone)] : []),
    ]);
    this.#lasting(4000, () => {
      for (const end of ends) end();
    });
  }

  /** What operators do, in order. */
  #operate(what: 'node stop' | 'leader move' | 'node drain', victim: StreamNode): void {
    const world = this.#world;
    const { ready, zone } = victim;
    if (ready === undefined || victim.isHandled) return;
    const { core } = ready.engine;
    world.count(what);
    if (what === 'leader move') {
      const to = pickFrom(
        world.random,
        world.nodes.filter((node) => node !== victim),
      );
      const partition = core.partitions.find(({ leading }) => leading !== undefined);
      world.note(
        'WORLD',
        `${what} of ${partition?.number ?? 'nothing'} from ${zone} to ${to.zone}`,
      );
      void partition?.resign(to.zone, { isWish: true });
      return;
    }
    world.note('WORLD', `${what} ${zone}`);
    if (what === 'node drain') {
      void core.drain();
      this.#lasting(5000, () => {
        core.undrain();
      });
      return;
    }
    void this.#stop(victim);
  }

  async #stop(node: StreamNode): Promise<void> {
    node.isHandled = true;
    await node.stop();
    this.#lasting(1000, () => {
      node.isHandled = false;
      void node.start();
    });
  }

  /** Ends after a while, or when all is healed. */
  #lasting(meanMs: number, end: () => void): void {
    const { clock, random } = this.#world;
    const undo = (): void => {
      if (!this.#undo.delete(undo)) return;
      end();
    };
    this.#undo.add(undo);
    if (this.#isOver) undo();
    else void clock.sleep(random.next() * 2 * meanMs).then(undo);
  }

  heal(): void {
    this.#isOver = true;
    for (const undo of this.#undo) undo();
    for (const { ready } of this.#world.nodes) ready?.engine.core.undrain();
  }
}
