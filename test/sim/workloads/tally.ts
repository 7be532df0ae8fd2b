import type { Region } from '../../../src/region/region.ts';
import type {
  TransactionOutcome,
  TransactionRequest,
  WriteTransaction,
} from '../../../src/region/transaction.ts';
import { keyBytes, valueOf, writeOf } from '../client-item.ts';

const placesCount = 4;

/**
 * Counts in several places at once, each time under a token that is told again until somebody answers: a request counts once, in
 * all places or in none.
 */
export class Tally {
  readonly keys: readonly string[];
  /** Requests that were made at all, and those that were acknowledged. */
  asked = 0;
  known = 0;
  /** What was read of all places together, and how many requests were known to be done before. */
  readonly seen: { readonly counts: readonly (string | undefined)[]; readonly least: number }[] =
    [];

  constructor(region: string) {
    this.keys = Array.from({ length: placesCount }, (_, at) => `${region}-k${at}`);
  }

  async add(region: Region, table: number, request: TransactionRequest): Promise<Told> {
    const actions = this.keys.map((key): WriteTransaction['actions'][number] => {
      const { change } = writeOf(key, { kind: 'add' }, 0);
      return { table, key: keyBytes(key), change, condition: undefined };
    });
    const { kind } = await region.transactWrite({ actions, request });
    return kind;
  }

  /** False where others were at work. */
  async read(region: Region, table: number): Promise<boolean> {
    const least = this.known;
    const reads = this.keys.map((key) => ({ table, key: keyBytes(key) }));
    const outcome = await region.transactGet(reads);
    if (outcome.kind === 'cancelled') return false;
    this.seen.push({ counts: outcome.items.map((item) => valueOf(item?.image)), least });
    return true;
  }

  /** What of all that was read cannot be. `once`: tokens are known as long as they should be. */
  problems(once: boolean): readonly string[] {
    return this.seen.flatMap(({ counts, least }) => {
      const numbers = counts.map((count) => Number(count ?? '0'));
      const [first = 0] = numbers;
      if (numbers.some((number) => number !== first))
        return [`the places count ${numbers.join(', ')}`];
      if (first < least) return [`${first} is counted, and ${least} were acknowledged`];
      return once && first > this.asked ? [`${first} is counted of ${this.asked}`] : [];
    });
  }
}

type Told = TransactionOutcome['kind'];
