import { ClientError } from '../../src/model/errors.ts';
import type { ItemChange, ItemImage } from '../../src/partition/item-write.ts';
import type {
  CancellationReason,
  TransactedItem,
  TransactionAction,
  TransactionOutcome,
  TransactionRead,
  TransactionReadOutcome,
  WriteTransaction,
} from '../../src/region/transaction.ts';

const TOKEN_LIFE_MS = 10 * 60 * 1000;

/** What transactions need of the region in memory that carries them out. */
export interface TransactedItems {
  readonly wallMs: () => number;
  find(read: TransactionRead): ItemImage | undefined;
  /** What an action makes of the item; `refused`: its condition does not hold. Throws what the leader of a partition throws. */
  evaluate(
    action: TransactionAction,
    before: ItemImage | undefined,
  ): ItemImage | 'refused' | undefined;
  store(read: TransactionRead, after: ItemImage | undefined): void;
}

interface Known {
  readonly fingerprint: string;
  readonly atMs: number;
}

/** Transactions over a region in memory: at once, and so alone. Tests say which items are busy, and which tokens. */
export class MemoryTransactions {
  /** Items that other work has under way, as `itemName` has them. */
  readonly busy = new Set<string>();
  /** Tokens whose transactions have no outcome yet. */
  readonly underWay = new Set<string>();
  readonly #items: TransactedItems;
  readonly #known = new Map<string, Known>();

  constructor(items: TransactedItems) {
    this.#items = items;
  }

  write({ actions, request }: WriteTransaction): TransactionOutcome {
    const fingerprint = Buffer.from(request?.fingerprint ?? []).toString('hex');
    if (request !== undefined) {
      if (this.underWay.has(request.token)) return { kind: 'under-way' };
      const known = this.#known.get(request.token);
      if (known !== undefined && this.#items.wallMs() - known.atMs < TOKEN_LIFE_MS) {
        if (known.fingerprint !== fingerprint) return { kind: 'mismatch' };
        const itemBytes = actions.map((action) => this.#items.find(action)?.itemBytes ?? 0);
        return { kind: 'repeated', itemBytes };
      }
    }
    const tried = actions.map((action) => this.#try(action));
    if (tried.some(isReason)) {
      return { kind: 'cancelled', reasons: tried.map((each) => (isReason(each) ? each : NONE)) };
    }
    const items = tried.flatMap((each) => (isReason(each) ? [] : [each]));
    actions.forEach((action, index) => {
      if (action.change.kind !== 'check') this.#items.store(action, items[index]?.after);
    });
    if (request !== undefined) {
      this.#known.set(request.token, { fingerprint, atMs: this.#items.wallMs() });
    }
    return { kind: 'committed', items };
  }

  read(reads: readonly TransactionRead[]): TransactionReadOutcome {
    if (!reads.some((read) => this.busy.has(itemName(read)))) {
      return { kind: 'read', items: reads.map((read) => this.#items.find(read)) };
    }
    const reasons = reads.map((read) => (this.busy.has(itemName(read)) ? CONFLICT : NONE));
    return { kind: 'cancelled', reasons };
  }

  #try(action: TransactionAction): TransactedItem | CancellationReason {
    if (this.busy.has(itemName(action))) return CONFLICT;
    const before = this.#items.find(action);
    try {
      const after = this.#items.evaluate(action, before);
      return after === 'refused' ? { kind: 'condition', before } : { before, after };
    } catch (error) {
      if (error instanceof ClientError) return { kind: 'refused', error };
      throw error;
    }
  }
}

export const itemName = ({ table, key }: TransactionRead): string =>
  `${table}/${Buffer.from(key).toString('hex')}`;

const NONE: CancellationReason = { kind: 'none' };
const CONFLICT: CancellationReason = { kind: 'conflict' };

const isReason = (tried: TransactedItem | CancellationReason): tried is CancellationReason =>
  'kind' in tried;

/** Whether an action writes. */
export const isWrite = (change: TransactionAction['change']): change is ItemChange =>
  change.kind !== 'check';
