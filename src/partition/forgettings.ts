import type { HybridTime } from '../clock/hybrid-time.ts';
import type { StoredItem } from '../model/record.ts';
import type { Group } from './append-pipeline.ts';
import type { ForgetDecision, TimeVector } from './partition.ts';

/** What a leader knows of forgetting before every copy does. */
export class Forgettings {
  readonly #vectorOfCopies: () => TimeVector;
  /** Of the last forgetting committed here; before the first one the copies know it. */
  #vector: TimeVector | undefined;
  /** Those that are pending, or that some serving copy has not applied. */
  #unapplied: Forgetting[] = [];

  constructor(vectorOfCopies: () => TimeVector) {
    this.#vectorOfCopies = vectorOfCopies;
  }

  get vector(): TimeVector {
    return this.#vector ?? this.#vectorOfCopies();
  }

  /** One that is appended. */
  add(group: Group, { horizons }: ForgetDecision): void {
    this.#unapplied.push({ group, horizons });
  }

  /** One that is committed, appended here or by another leader. As copies do it: no member of the vector goes back. */
  commit(group: Group, decision: ForgetDecision): void {
    const vector: Record<string, HybridTime> = { ...this.vector };
    for (const [region, time] of Object.entries(decision.vector))
      vector[region] = Math.max(vector[region] ?? 0, time);
    this.#vector = vector;
    const isOwn = this.#unapplied.some((forgetting) => forgetting.group === group);
    if (!isOwn) this.add(group, decision);
  }

  /** Whether a forgetting that the tombstone is still to meet, and that `isAfter` it, takes it away. */
  take(table: number, tombstone: StoredItem, isAfter: (forget: Group) => boolean): boolean {
    return this.#unapplied.some(
      ({ group, horizons }) => tombstone.version.time < (horizons[table] ?? 0) && isAfter(group),
    );
  }

  /** Every serving copy has applied everything through index `floor`. */
  dropApplied(floor: number): void {
    if (this.#unapplied.length > 0)
      this.#unapplied = this.#unapplied.filter(({ group }) => indexOf(group) > floor);
  }

  dropUncommitted(): void {
    this.#unapplied = this.#unapplied.filter(({ group }) => group.entry !== undefined);
  }
}

/** A `forget` entry that some serving copy has not applied. */
interface Forgetting {
  readonly group: Group;
  readonly horizons: ForgetDecision['horizons'];
}

/** Where the entry of a group stands in the log: behind everything until it is appended. */
export const indexOf = (group: Group): number => group.entry?.index ?? Number.POSITIVE_INFINITY;
