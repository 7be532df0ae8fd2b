import { present } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { randomUuid, type Random } from '../base/random.ts';
import { ClientError, internalError } from '../model/errors.ts';
import { itemKeyHash, joinKey } from '../model/item-key.ts';
import type { ItemImage } from '../partition/item-write.ts';
import type { RegionPartition } from '../partition/region-partition.ts';
import type {
  ActionOutcome,
  Decision,
  SeenItem,
  TransactionName,
} from '../partition/transaction-steps.ts';
import type { Router } from './router.ts';
import type {
  CancellationReason,
  TransactedItem,
  TransactionAction,
  TransactionOutcome,
  TransactionRead,
  TransactionReadOutcome,
  WriteTransaction,
} from './transaction.ts';

/** How often a transaction's items are looked at until two looks agree. */
export const readLooksMax = 12;

/** Pause before the items are looked at again because one of them was busy; doubled each time. */
const readPauseMs = 4;
const readPauseMsMax = 200;

export interface TransactionsOptions {
  /** Partitions may come later than this. */
  readonly router: () => Router;
  readonly clock: Clock;
  readonly random: Random;
  /** Throws `ClientError` for a table that takes no writes now. */
  readonly admit: (table: number) => void;
}

/**
 * Coordinates transactions: see `src/partition/DESIGN.md`. It keeps nothing. Wherever it ends, what it has begun is finished by
 * the leaders of its partitions.
 */
export class Transactions {
  readonly #options: TransactionsOptions;

  constructor(options: TransactionsOptions) {
    this.#options = options;
  }

  /** See `Region.transactWrite`. */
  async write(asked: WriteTransaction): Promise<TransactionOutcome> {
    const { request, actions } = asked;
    this.#admit(actions);
    const transaction = this.#nameFor(asked);
    const decider = this.#at(transaction.hash);
    if (request !== undefined) {
      const { token, fingerprint } = request;
      const began = await decider.transact('begin', {
        transaction,
        request: { token, fingerprint },
      });
      if (began === 'repeated') return this.#repeated(actions);
      if (began !== 'new') return { kind: began };
    }
    const parts = this.#partsOf(actions);
    const others = parts.filter(({ partition }) => partition !== decider);
    const own = parts.find(({ partition }) => partition === decider);
    const outcomes = Array.from<ActionOutcome>({ length: actions.length });
    const work: Work = { asked, transaction, decider, own, others, outcomes };
    if (!(await this.#prepare(work))) return this.#cancelled(work);
    return this.#decide(work);
  }

  #admit(actions: readonly TransactionAction[]): void {
    for (const { table } of actions) this.#options.admit(table);
  }

  #nameFor({ actions, request }: WriteTransaction): TransactionName {
    const { clock, random } = this.#options;
    const { key } = present(actions[0], 'an action');
    const lying = request === undefined ? key : joinKey(Buffer.from(request.token), NO_BYTES);
    return { id: randomUuid(random), hash: itemKeyHash(lying), begunMs: clock.wallMs() };
  }

  #at(hash: number): RegionPartition {
    return this.#options.router().partitionAt(hash);
  }

  #partsOf<T extends TransactionRead>(all: readonly T[]): readonly Part<T>[] {
    const router = this.#options.router();
    const parts = new Map<RegionPartition, Part<T>>();
    for (const [place, each] of all.entries()) {
      const partition = router.partitionOf(each.table, each.key);
      let part = parts.get(partition);
      if (part === undefined) {
        part = { partition, asked: [], places: [] };
        parts.set(partition, part);
      }
      part.asked.push(each);
      part.places.push(place);
    }
    return [...parts.values()];
  }

  /** Whether all other partitions than the decider are prepared. Rejects when one cannot be asked, with the rest given up. */
  async #prepare(work: Work): Promise<boolean> {
    const { others, transaction } = work;
    if (others.length === 0) return true;
    const settled = await Promise.allSettled(
      others.map(async ({ partition, asked: actions }) =>
        partition.transact('prepare', { transaction, actions }),
      ),
    );
    const prepared: Part<TransactionAction>[] = [];
    let failure: unknown;
    for (const [at, result] of settled.entries()) {
      const part = present(others[at], 'a part for each answer');
      if (result.status === 'rejected') failure ??= result.reason;
      else {
        note(work, part, result.value);
        if (result.value.every(({ kind }) => kind === 'good')) prepared.push(part);
      }
    }
    if (prepared.length === others.length) return true;
    // Nobody else decides it: what is prepared can be dropped without asking. What is not reached is dropped by its leader.
    await Promise.allSettled(
      prepared.map(async ({ partition }) =>
        partition.transact('finish', { transaction, verdict: 'cancelled' }),
      ),
    );
    if (failure === undefined) return false;
    await this.#giveUp(work, []).catch(() => []);
    throw clientErrorOf(failure);
  }

  /** What the decider would have said of its own actions; the client's token is free again. */
  async #giveUp(
    { decider, transaction, asked }: Work,
    actions: readonly TransactionAction[],
  ): Promise<readonly ActionOutcome[]> {
    const token = asked.request?.token;
    if (actions.length === 0 && token === undefined) return [];
    return decider.transact('judge', { transaction, actions, token });
  }

  async #cancelled(work: Work): Promise<TransactionOutcome> {
    const judged = await this.#giveUp(work, work.own?.asked ?? []);
    if (work.own !== undefined) note(work, work.own, judged);
    return { kind: 'cancelled', reasons: work.outcomes.map(reasonOf) };
  }

  async #decide(work: Work): Promise<TransactionOutcome> {
    const { decider, transaction, own, others, asked, outcomes } = work;
    let decision: Decision;
    try {
      this.#admit(asked.actions);
      decision = await decider.transact('decide', {
        transaction,
        actions: own?.asked ?? [],
        participants: others.map(({ asked: [first] }) =>
          itemKeyHash(present(first, 'an action').key),
        ),
        request: asked.request,
      });
    } catch (error) {
      void this.#settle(work);
      throw clientErrorOf(error);
    }
    if (decision.kind === 'committed') {
      if (own !== undefined) note(work, own, decision.outcomes);
      await this.#finish(work);
      return { kind: 'committed', items: outcomes.map(itemOf) };
    }
    await this.#drop(work);
    if (decision.kind === 'refused') {
      if (own !== undefined) note(work, own, decision.outcomes);
      return { kind: 'cancelled', reasons: outcomes.map(reasonOf) };
    }
    if (decision.kind === 'repeated') return this.#repeated(asked.actions);
    if (decision.kind === 'mismatch') return { kind: 'mismatch' };
    // Somebody took this side for dead: the client may try again.
    throw internalError();
  }

  /** It is committed whatever becomes of this: a leader that is not reached does it later. */
  async #finish({ decider, transaction, others }: Work): Promise<void> {
    if (others.length === 0) return;
    const settled = await Promise.allSettled(
      others.map(async ({ partition }) =>
        partition.transact('finish', { transaction, verdict: 'committed' }),
      ),
    );
    if (settled.some(({ status }) => status === 'rejected')) return;
    decider.transact('close', { transaction }).catch(() => {});
  }

  async #drop({ transaction, others }: Work): Promise<void> {
    await Promise.allSettled(
      others.map(async ({ partition }) =>
        partition.transact('finish', { transaction, verdict: 'cancelled' }),
      ),
    );
  }

  /** What became of a decision that was not heard, as soon as it can be had. Where it fails the leaders ask themselves. */
  async #settle(work: Work): Promise<void> {
    const { decider, transaction, others } = work;
    if (others.length === 0) return;
    try {
      const verdict = await decider.transact('settle', { transaction });
      await Promise.allSettled(
        others.map(async ({ partition }) => partition.transact('finish', { transaction, verdict })),
      );
    } catch {
      // The leaders of the participants do it.
    }
  }

  async #repeated(actions: readonly TransactionAction[]): Promise<TransactionOutcome> {
    const router = this.#options.router();
    const itemBytes = await Promise.all(
      actions.map(async ({ table, key }) => {
        const item = await router.getItem({ table, key, consistent: true });
        return item?.itemBytes ?? 0;
      }),
    );
    return { kind: 'repeated', itemBytes };
  }

  /**
   * See `Region.transactGet`. Two looks at all items, with nothing written: where both see the same of each, and nobody at
   * work on it, all stood so at the moment between them. (Distributed Transactions at Scale in Amazon DynamoDB, USENIX
   * ATC 2023, section 3.3.) Of one partition one look is enough.
   */
  async read(reads: readonly TransactionRead[]): Promise<TransactionReadOutcome> {
    const { clock } = this.#options;
    const parts = this.#partsOf(reads);
    let before: readonly SeenItem[] | undefined;
    let pauseMs = readPauseMs;
    let unsettled = new Set<number>();
    for (let look = 0; look < readLooksMax; look += 1) {
      const seen = await this.#look(parts, reads.length);
      unsettled = differences(parts.length === 1 ? seen : before, seen);
      if (unsettled.size === 0) return { kind: 'read', items: seen.map(imageOf) };
      before = seen;
      if (look === 0 && !seen.some(isBusy)) continue;
      await clock.sleep(pauseMs);
      pauseMs = Math.min(2 * pauseMs, readPauseMsMax);
    }
    const reasons = reads.map((_read, place): CancellationReason => ({
      kind: unsettled.has(place) ? 'conflict' : 'none',
    }));
    return { kind: 'cancelled', reasons };
  }

  async #look(
    parts: readonly Part<TransactionRead>[],
    count: number,
  ): Promise<readonly SeenItem[]> {
    const seen = Array.from<SeenItem>({ length: count });
    await Promise.all(
      parts.map(async ({ partition, asked, places }) => {
        const found = await partition.transact('read', { reads: asked });
        for (const [at, place] of places.entries())
          seen[place] = present(found[at], 'what stands at each key');
      }),
    );
    return seen;
  }
}

const NO_BYTES = new Uint8Array(0);

/** What of a transaction lies in one partition, and in which places of it. */
interface Part<T> {
  readonly partition: RegionPartition;
  readonly asked: T[];
  readonly places: number[];
}

/** A transaction that is being written. */
interface Work {
  readonly asked: WriteTransaction;
  readonly transaction: TransactionName;
  readonly decider: RegionPartition;
  /** The decider's part: it may have none. */
  readonly own: Part<TransactionAction> | undefined;
  readonly others: readonly Part<TransactionAction>[];
  /** By place. */
  readonly outcomes: ActionOutcome[];
}

function note(
  { outcomes }: Work,
  { places }: Part<TransactionAction>,
  found: readonly ActionOutcome[],
): void {
  for (const [at, place] of places.entries())
    outcomes[place] = present(found[at], 'an outcome for each action');
}

function itemOf(outcome: ActionOutcome): TransactedItem {
  if (outcome.kind !== 'good') throw internalError();
  return { before: outcome.before, after: outcome.after };
}

function reasonOf(outcome: ActionOutcome): CancellationReason {
  switch (outcome.kind) {
    case 'good':
      return { kind: 'none' };
    case 'condition':
      return { kind: 'condition', before: outcome.before };
    case 'conflict':
      return outcome;
    case 'refused': {
      const { code, message, status, members } = outcome;
      return { kind: 'refused', error: new ClientError(code, message, { status, members }) };
    }
    default:
      return outcome satisfies never;
  }
}

/** Places whose items are not certain to have stood as they are seen at one moment with the others. */
function differences(
  before: readonly SeenItem[] | undefined,
  seen: readonly SeenItem[],
): Set<number> {
  const places = new Set<number>();
  for (const [place, item] of seen.entries()) {
    const last = before?.[place];
    const isSame = item.kind === 'seen' && last?.kind === 'seen' && last.mark === item.mark;
    if (!isSame) places.add(place);
  }
  return places;
}

const isBusy = ({ kind }: SeenItem): boolean => kind === 'busy';

function imageOf(seen: SeenItem): ItemImage | undefined {
  if (seen.kind === 'busy' || seen.item?.image === undefined) return undefined;
  const { image, itemBytes } = seen.item;
  return { image, itemBytes };
}

/** Anything but a `ClientError` is passed on as it is. */
const clientErrorOf = (error: unknown): Error => (error instanceof Error ? error : internalError());
