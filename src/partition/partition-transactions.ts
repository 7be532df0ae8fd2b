import { unreachable } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { ClientError, validationError } from '../model/errors.ts';
import { UPDATED_ITEM_TOO_LARGE } from '../model/messages.ts';
import type { ItemRecord } from '../model/record.ts';
import { PARTITION_TABLE, type HashRange } from '../storage/key-layout.ts';
import { evaluateWrite } from './evaluate-write.ts';
import type { ItemImage } from './item-write.ts';
import { changeBytes } from './index-records.ts';
import type { LeaderOptions } from './leader-options.ts';
import type { Leader } from './leader.ts';
import { overlayKey, type Commit } from './overlay.ts';
import type { Standing } from './standing.ts';
import {
  decisionKey,
  decodeDecision,
  decodeToken,
  encodeTransactionDocument,
  intentKey,
  isStale,
  tokenKey,
  type DecisionDocument,
  type PreparedAction,
} from './transaction-documents.ts';
import { effectBytesMax, tokenKeptMs, undecidedMsMax } from './transaction-limits.ts';
import type {
  ActionOutcome,
  Decision,
  DecideRequest,
  PartitionAction,
  SeenItem,
  StepAnswer,
  StepRequest,
  TokenRequest,
  TransactionName,
  TransactionStep,
  TransactionVerdict,
} from './transaction-steps.ts';
import { TokensUnderWay } from './tokens-under-way.ts';

export interface PartitionTransactionsOptions {
  readonly leader: Leader;
  readonly clock: Clock;
  readonly region: string;
  /** The first of them stays the first for ever. Not asked for before a step is. */
  readonly hashes: () => HashRange;
  readonly indexed: LeaderOptions['indexed'];
}

/** The steps of transactions in one partition, at its leader: see DESIGN.md, "Transactions". */
export class PartitionTransactions {
  readonly #leader: Leader;
  readonly #clock: Clock;
  readonly #region: string;
  readonly #hashes: () => HashRange;
  readonly #indexed: LeaderOptions['indexed'];
  readonly #tokens: TokensUnderWay;

  constructor({ leader, clock, region, hashes, indexed }: PartitionTransactionsOptions) {
    this.#leader = leader;
    this.#clock = clock;
    this.#region = region;
    this.#hashes = hashes;
    this.#indexed = indexed;
    this.#tokens = new TokensUnderWay(clock);
  }

  /** Carries a step out. Rejects as `Leader.write` does. */
  async carryOut(step: TransactionStep): Promise<StepAnswer<TransactionStep['step']>> {
    const leader = this.#leader;
    if (!leader.takesItems) await leader.readyForItems();
    switch (step.step) {
      case 'begin':
        return this.#begin(step.request);
      case 'prepare':
        return this.#prepare(step.request);
      case 'judge':
        return this.#judgeOnly(step.request);
      case 'decide':
        return this.#decide(step.request);
      case 'settle':
        return this.#settle(step.request.transaction);
      case 'finish':
        return this.#finish(step.request.transaction, step.request.verdict);
      case 'close':
        return this.#close(step.request.transaction);
      case 'read':
        return this.#read(step.request);
      case 'sweep':
        return this.#sweep(step.request.keys);
      case 'quiet':
        await leader.intents.finished(() => true);
        return undefined;
      default:
        return unreachable(step);
    }
  }

  async #begin({ transaction, request }: StepRequest<'begin'>): Promise<StepAnswer<'begin'>> {
    const { known, standing } = this.#known(transaction, request);
    const answer = known ?? this.#tokens.begin(transaction, request);
    try {
      await this.#leader.certain(standing.commit);
    } catch (error) {
      this.#tokens.end(transaction, request.token);
      throw error;
    }
    return answer;
  }

  /** What is known of a client's token; undefined while it is new. */
  #known(
    transaction: TransactionName,
    { token, fingerprint }: TokenRequest,
  ): { readonly known: 'repeated' | 'mismatch' | undefined; readonly standing: Standing } {
    const standing = this.#document(tokenKey(transaction, token));
    const image = standing.stored?.image;
    if (image === undefined) return { known: undefined, standing };
    const document = decodeToken(image);
    if (this.#clock.wallMs() - document.decidedMs > tokenKeptMs)
      return { known: undefined, standing };
    const isSame = Buffer.compare(document.fingerprint, fingerprint) === 0;
    return { known: isSame ? 'repeated' : 'mismatch', standing };
  }

  async #prepare({
    transaction,
    actions,
  }: StepRequest<'prepare'>): Promise<readonly ActionOutcome[]> {
    const leader = this.#leader;
    const judged = this.#judge(actions);
    if (!isGood(judged)) return this.#certainly(judged);
    const document = { transaction, actions: judged.map(preparedOf) };
    const key = intentKey(this.#hashes(), transaction);
    const record = this.#documentRecord(key, encodeTransactionDocument(document));
    const commit = leader.appendTogether([record], leader.partitionTime);
    leader.intents.add(document);
    await commit.durable;
    return judged.map(({ outcome }) => outcome);
  }

  async #judgeOnly({
    transaction,
    actions,
    token,
  }: StepRequest<'judge'>): Promise<readonly ActionOutcome[]> {
    if (token !== undefined) this.#tokens.end(transaction, token);
    return this.#certainly(this.#judge(actions));
  }

  #judge(actions: readonly PartitionAction[]): readonly Judged[] {
    let bytes = 0;
    return actions.map((action) => {
      const judged = this.#judgeOne(action);
      const { outcome, effect, after } = judged;
      if (outcome.kind !== 'good' || effect === 'none') return judged;
      const table = this.#indexed?.(action.table);
      bytes += changeBytes(table, outcome.before?.image, after?.image);
      return bytes > effectBytesMax ? refusedFor(judged, tooLarge()) : judged;
    });
  }

  #judgeOne(action: PartitionAction): Judged {
    const leader = this.#leader;
    const key = overlayKey(action.table, action.key);
    const standing = leader.standing(key, action.table, action.key);
    if (leader.intents.on(key) !== undefined)
      return { action, standing, outcome: { kind: 'conflict' }, effect: 'none' };
    const { stored } = standing;
    const before =
      stored?.image === undefined
        ? undefined
        : { image: stored.image, itemBytes: stored.itemBytes };
    try {
      return { action, standing, ...evaluated(action, before) };
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      return refusedFor({ action, standing }, error);
    }
  }

  /** The outcomes, once what they were judged by is durable and nobody else leads. */
  async #certainly(judged: readonly Judged[]): Promise<readonly ActionOutcome[]> {
    await this.#certain(judged.map(({ standing }) => standing));
    return judged.map(({ outcome }) => outcome);
  }

  async #certain(standings: readonly Standing[]): Promise<void> {
    const leader = this.#leader;
    const { timesOvertaken } = leader;
    for (const { commit } of standings) if (!commit.done) await commit.durable;
    await leader.confirm(timesOvertaken);
  }

  /** In one synchronous run and one entry: what is checked holds where it stands in the log. */
  async #decide(asked: DecideRequest): Promise<Decision> {
    const { transaction, actions, request } = asked;
    if (request !== undefined) this.#tokens.end(transaction, request.token);
    const settled = this.#document(decisionKey(transaction));
    const isLate = this.#clock.wallMs() - transaction.begunMs > undecidedMsMax;
    if (settled.stored?.image !== undefined || isLate) {
      await this.#certain([settled]);
      return { kind: 'cancelled' };
    }
    if (request !== undefined) {
      const { known, standing } = this.#known(transaction, request);
      if (known !== undefined) {
        await this.#certain([standing]);
        return { kind: known };
      }
    }
    const judged = this.#judge(actions);
    if (!isGood(judged)) return { kind: 'refused', outcomes: await this.#certainly(judged) };
    const records = [...this.#effects(judged.map(preparedOf)), ...this.#decisionRecords(asked)];
    if (records.length === 0) await this.#certainly(judged);
    else await this.#append(records).durable;
    return { kind: 'committed', outcomes: judged.map(({ outcome }) => outcome) };
  }

  #append(records: readonly ItemRecord[]): Commit {
    return this.#leader.appendTogether(records, this.#leader.partitionTime);
  }

  #decisionRecords({ transaction, participants, request }: DecideRequest): readonly ItemRecord[] {
    const records: ItemRecord[] = [];
    const decidedMs = this.#clock.wallMs();
    if (participants.length > 0)
      records.push(
        this.#decisionRecord({ verdict: 'committed', transaction, participants, decidedMs }),
      );
    if (request !== undefined) {
      const image = encodeTransactionDocument({ ...request, decidedMs });
      records.push(this.#documentRecord(tokenKey(transaction, request.token), image));
    }
    return records;
  }

  #decisionRecord(document: DecisionDocument): ItemRecord {
    const key = decisionKey(document.transaction);
    return this.#documentRecord(key, encodeTransactionDocument(document));
  }

  async #settle(transaction: TransactionName): Promise<TransactionVerdict> {
    const standing = this.#document(decisionKey(transaction));
    const image = standing.stored?.image;
    if (image !== undefined) {
      await this.#certain([standing]);
      return decodeDecision(image).verdict;
    }
    const decidedMs = this.#clock.wallMs();
    const verdict = 'cancelled';
    const record = this.#decisionRecord({ verdict, transaction, participants: [], decidedMs });
    await this.#append([record]).durable;
    return verdict;
  }

  async #finish(transaction: TransactionName, verdict: TransactionVerdict): Promise<undefined> {
    const leader = this.#leader;
    const key = intentKey(this.#hashes(), transaction);
    const intent = leader.intents.of(transaction.id);
    if (intent === undefined) {
      await this.#certain([this.#document(key)]);
      return undefined;
    }
    const effects = verdict === 'committed' ? this.#effects(intent.actions) : [];
    const commit = this.#append([...effects, this.#documentRecord(key, undefined)]);
    leader.intents.finish(transaction.id, commit);
    await commit.durable;
    return undefined;
  }

  async #close(transaction: TransactionName): Promise<undefined> {
    const key = decisionKey(transaction);
    if (this.#document(key).stored?.image === undefined) return undefined;
    await this.#append([this.#documentRecord(key, undefined)]).durable;
    return undefined;
  }

  async #sweep(keys: readonly Uint8Array[]): Promise<undefined> {
    const nowMs = this.#clock.wallMs();
    const records = keys.flatMap((key) => {
      const image = this.#document(key).stored?.image;
      const goes = image !== undefined && isStale(key, image, nowMs);
      return goes ? [this.#documentRecord(key, undefined)] : [];
    });
    if (records.length > 0) await this.#append(records).durable;
    return undefined;
  }

  /** The records of what a committed transaction does here, stamped now: each later than what stands. */
  #effects(actions: readonly PreparedAction[]): readonly ItemRecord[] {
    return actions.flatMap(({ table, key, effect, after }) => {
      if (effect === 'none') return [];
      const leader = this.#leader;
      const standing = leader.standing(overlayKey(table, key), table, key);
      const write = { table, key, cause: 'transaction' } as const;
      const record = leader.localRecord(write, after, standing, leader.stamp());
      return leader.withIndexes(record, standing);
    });
  }

  async #read({ reads }: StepRequest<'read'>): Promise<readonly SeenItem[]> {
    const leader = this.#leader;
    const standings: Standing[] = [];
    const seen = reads.map(({ table, key: itemKey }): SeenItem => {
      const key = overlayKey(table, itemKey);
      if (leader.intents.on(key) !== undefined) return { kind: 'busy' };
      const standing = leader.standing(key, table, itemKey);
      standings.push(standing);
      const { stored } = standing;
      if (stored?.image === undefined) return { kind: 'seen', mark: leader.absenceMark(itemKey) };
      const { image, itemBytes, version } = stored;
      return {
        kind: 'seen',
        item: { image, itemBytes },
        mark: `${version.time} ${version.region}`,
      };
    });
    await this.#certain(standings);
    return seen;
  }

  #document(key: Uint8Array): Standing {
    return this.#leader.standing(overlayKey(PARTITION_TABLE, key), PARTITION_TABLE, key);
  }

  #documentRecord(key: Uint8Array, image: Uint8Array | undefined): ItemRecord {
    return {
      table: PARTITION_TABLE,
      key,
      version: { time: this.#leader.stamp(), region: this.#region },
      replaced: undefined,
      image,
      itemBytes: image?.length ?? 0,
      keepsTombstone: false,
      previous: this.#document(key).previous(),
      cause: 'system',
    };
  }
}

/** What an action comes to, as things stand. */
interface Judged extends Pick<PreparedAction, 'effect'> {
  readonly action: PartitionAction;
  readonly standing: Standing;
  readonly outcome: ActionOutcome;
  readonly after?: ItemImage | undefined;
}

const tooLarge = (): ClientError => validationError(UPDATED_ITEM_TOO_LARGE);

const refusedFor = (
  { action, standing }: Pick<Judged, 'action' | 'standing'>,
  { code, message, status, members }: ClientError,
): Judged => ({
  action,
  standing,
  outcome: { kind: 'refused', code, message, status, members },
  effect: 'none',
});

const isGood = (judged: readonly Judged[]): boolean =>
  judged.every(({ outcome }) => outcome.kind === 'good');

const preparedOf = ({ action: { table, key }, effect, after }: Judged): PreparedAction => ({
  table,
  key,
  effect,
  after,
});

function evaluated(
  { table, key, change, condition }: PartitionAction,
  before: ItemImage | undefined,
): Pick<Judged, 'outcome' | 'effect' | 'after'> {
  // A check asks what a deletion would.
  const asked = change.kind === 'check' ? ({ kind: 'delete' } as const) : change;
  const write = { table, key, change: asked, condition, cause: 'transaction' } as const;
  const decision = evaluateWrite(write, before);
  if (decision.kind === 'refused')
    return { outcome: { kind: 'condition', before }, effect: 'none' };
  if (change.kind === 'check')
    return { outcome: { kind: 'good', before, after: before }, effect: 'none' };
  if (decision.kind === 'put') {
    const { image, itemBytes } = decision.after;
    const after = { image, itemBytes };
    return { outcome: { kind: 'good', before, after }, effect: 'put', after };
  }
  const effect = decision.kind === 'remove' ? 'remove' : 'none';
  return { outcome: { kind: 'good', before, after: undefined }, effect };
}
