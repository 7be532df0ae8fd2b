import { pickFrom } from '../world-options.ts';
import type { StreamFault } from './stream-options.ts';
import type { StreamNode } from './stream-node.ts';
import type { StreamWorld } from './stream-world.ts';

const BROKER_FAULTS = {
  'append refused': { member: 'refused', chances: [0.2, 1], lastsMs: 1000 },
  'append unknown': { member: 'unknown', chances: [0.05, 0.3], lastsMs: 3000 },
  straggler: { member: 'straggler', chances: [0.1, 0.4], lastsMs: 4000 },
  'read not found': { member: 'notFound', chances: [0.3, 0.9], lastsMs: 500 },
} as const;

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
    }
  }

  /** Mostly one that leads. */
  #victim(): StreamNode {
    const { nodes, random } = this.#world;
    const leading = nodes.filter(({ running }) =>
      (running?.candidates ?? []).some((candidate) => candidate.leading !== undefined),
    );
    return pickFrom(random, leading.length > 0 && random.next() < 0.7 ? leading : nodes);
  }

  #strikeNode(
    fault: 'node crash' | 'node power loss' | 'node pause' | 'node cut',
    victim: StreamNode,
  ): void {
    const world = this.#world;
    const { life, running } = victim;
    if (life === undefined || life.isPaused || (fault === 'node cut' && victim.link.isCut)) return;
    if (running === undefined || world.isRebuilding) return;
    world.count(fault);
    world.note('WORLD', `${fault} ${victim.zone}`);
    if (fault === 'node cut') {
      victim.link.isCut = true;
      this.#lasting(4000, () => {
        victim.link.isCut = false;
      });
    } else if (fault === 'node pause') {
      life.pause();
      this.#lasting(4000, () => life.resume());
    } else {
      victim.kill(fault === 'node crash' ? 'process' : 'power');
      this.#lasting(2000, () => void victim.start());
    }
  }

  #loseStream(kind: 'stream went back' | 'stream lost'): void {
    const world = this.#world;
    const { random } = world;
    const { number, stream, truth } = pickFrom(random, world.partitions);
    if (world.loss !== undefined || truth.endIndex < 20) return;
    if (kind === 'stream lost') stream.disappear();
    else {
      stream.goBack(1 + Math.floor(random.next() * 8));
      truth.goBack(stream.last);
    }
    world.count(kind);
    world.note('WORLD', `${kind}: ${stream.name} ends at ${stream.last}`);
    world.loss = {
      partition: number,
      kind,
      since: world.tick(),
      until: undefined,
      content: new Map(),
    };
  }

  /** Ends after a while, or when all is healed. */
  #lasting(meanMs: number, end: () => void): void {
    const { clock, random } = this.#world;
    const undo = (): void => {
      if (!this.#undo.delete(undo)) return;
      end();
    };
    this.#undo.add(undo);
    void clock.sleep(random.next() * 2 * meanMs).then(undo);
  }

  heal(): void {
    this.#isOver = true;
    for (const undo of this.#undo) undo();
  }
}
