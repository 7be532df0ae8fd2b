import { InProcessNetwork } from '../../src/bus/in-process-network.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { type Operation, type Outcome, Violation } from './history.ts';
import { Journal } from './journal.ts';
import { type Running, SimRegion } from './sim-region.ts';
import { Truth } from './truth.ts';
import { drawOptions, type WorldOptions } from './world-options.ts';

/** Everything of one seed: regions with their zones, disks, clocks and links, in one virtual time. */
export class World {
  readonly seed: number;
  readonly options: WorldOptions;
  readonly random: SeededRandom;
  readonly clock = new VirtualClock();
  readonly journal = new Journal(this.clock);
  readonly network = new InProcessNetwork(this.clock);
  readonly regions: readonly SimRegion[];
  readonly history: Operation[] = [];
  readonly truths = new Map<string, Truth>();
  readonly violations: Violation[] = [];
  /** How often each fault and event happened. */
  readonly counts = new Map<string, number>();
  /** When a region lost what it had acknowledged, by an old copy of all its disks: place in the order of events. */
  readonly rolledBack = new Map<string, number>();
  #order = 0;

  constructor(seed: number, change: (options: WorldOptions) => WorldOptions = (same) => same) {
    this.seed = seed;
    this.random = new SeededRandom(seed);
    this.options = change(drawOptions(seed, this.random));
    for (const { name } of this.options.regions) this.truths.set(name, new Truth(name));
    this.regions = this.options.regions.map(
      (region, at) => new SimRegion(this, region, new SeededRandom(seed * 31 + at + 1)),
    );
  }

  region(name: string): SimRegion {
    const found = this.regions.find((region) => region.name === name);
    if (found === undefined) throw new Error(`no region ${name}`);
    return found;
  }

  truth(region: string): Truth {
    const found = this.truths.get(region);
    if (found === undefined) throw new Error(`no truth of ${region}`);
    return found;
  }

  note(who: string, what: string): void {
    this.journal.note(who, what);
  }

  count(event: string, by = 1): void {
    this.counts.set(event, (this.counts.get(event) ?? 0) + by);
  }

  violate(checker: string, message: string): void {
    // One bug shows in many places; the first few tell of it.
    if (this.violations.filter((known) => known.checker === checker).length >= 20) return;
    const violation = new Violation(checker, message);
    this.violations.push(violation);
    this.note('WORLD', `VIOLATION ${violation.message}`);
  }

  /** The next place in the order of invocations and returns. */
  tick(): number {
    this.#order += 1;
    return this.#order;
  }

  invoke(what: Pick<Operation, 'region' | 'client' | 'table' | 'key' | 'action'>): Operation {
    const operation: Operation = {
      ...what,
      id: this.history.length,
      invoked: this.tick(),
      invokedMs: this.clock.monotonicMs(),
      returned: undefined,
      outcome: { kind: 'unknown' },
    };
    this.history.push(operation);
    this.note(what.client, `#${operation.id} ${what.table}/${what.key} ${actionText(operation)}`);
    return operation;
  }

  answer(operation: Operation, outcome: Outcome): Operation {
    operation.outcome = outcome;
    if (outcome.kind !== 'unknown') operation.returned = this.tick();
    if (outcome.kind === 'applied' || outcome.kind === 'refused' || outcome.kind === 'read')
      this.count('acknowledged operation');
    const seen = 'seen' in outcome ? ` ${outcome.seen ?? '-'}` : '';
    this.note(operation.client, `#${operation.id} ${outcome.kind}${seen}`);
    return operation;
  }

  onReady(region: SimRegion, running: Running): void {
    this.truth(region.name).follow(region, running, (error) => {
      this.violate('truth', `${region.name}'s log cannot be followed: ${String(error)}`);
    });
  }
}

function actionText({ action }: Operation): string {
  if (action.kind !== 'write') return action.kind;
  const { expects, value } = action;
  const condition =
    expects === undefined ? '' : ` if ${expects.kind === 'absent' ? 'absent' : expects.value}`;
  return `${value === undefined ? 'delete' : `write ${value}`}${condition}`;
}
