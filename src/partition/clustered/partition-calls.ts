import type { HybridTime } from '../../clock/hybrid-time.ts';
import type { LogEnd } from '../../log/entry.ts';
import type { ReadScope } from '../leader.ts';
import type { ItemWrite, PlainWrite, WriteOutcome } from '../item-write.ts';
import type { LocalPartition } from '../local-partition.ts';
import type {
  DiscardedItem,
  ForgetDecision,
  IndexBatch,
  ItemVersion,
  ReceivedRecord,
  Resolution,
} from '../partition.ts';
import { toldResults, type ToldResult } from './told-results.ts';
import type { Splitting } from '../../storage/apply.ts';
import type { StepAnswer, TransactionStep, TransactionStepName } from '../transaction-steps.ts';

/** What the leader of a partition can be asked for from another node: request and answer, plain data with bytes in it. */
export interface LeaderCalls {
  write: { readonly request: ItemWrite; readonly answer: WriteOutcome };
  /** Writes of different items of one table. An earlier program answers something that is no list, and has done nothing. */
  writeEach: { readonly request: readonly PlainWrite[]; readonly answer: readonly ToldResult[] };
  receive: {
    readonly request: readonly ReceivedRecord[];
    readonly answer: readonly Resolution[];
  };
  discard: {
    readonly request: { readonly table: number; readonly items: readonly DiscardedItem[] };
    readonly answer: undefined;
  };
  reemit: {
    readonly request: { readonly table: number; readonly items: readonly ItemVersion[] };
    readonly answer: undefined;
  };
  takeIndexBatch: { readonly request: IndexBatch; readonly answer: LogEnd | undefined };
  keepShipped: { readonly request: { readonly document: unknown }; readonly answer: undefined };
  advanceTime: { readonly request: undefined; readonly answer: LogEnd };
  forget: { readonly request: ForgetDecision; readonly answer: undefined };
  fork: {
    readonly request: { readonly logId: string; readonly time: HybridTime };
    readonly answer: LogEnd;
  };
  /** One that is called as its answer is: by its step. */
  transact: {
    readonly request: TransactionStep;
    readonly answer: StepAnswer<TransactionStepName>;
  };
  /** Up to where a strong read must have applied: everything that was answered before the call. See `LocalPartition.readIndex`. */
  readIndex: { readonly request: ReadScope | undefined; readonly answer: number };
  /** Where the partition is to be split: see `SplitCalls`. */
  splitPoint: { readonly request: { readonly isForced: boolean }; readonly answer: SplitPoint };
  split: { readonly request: Splitting; readonly answer: SplitOutcome };
}

/** `refused`: why it cannot be split, in words. `none`: nothing speaks for it. */
export type SplitPoint =
  | { readonly kind: 'at'; readonly middle: number; readonly by: 'load' | 'size' | 'word' }
  | { readonly kind: 'refused'; readonly words: string }
  | { readonly kind: 'none' };

/** `done`: the leader's node has applied it. `waits`: why that is not so yet; the same may be asked for again. */
export type SplitOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'waits'; readonly words: string };

/** What a leader's node does when it is asked to split what it leads. */
export interface SplitCalls {
  point(leading: LocalPartition, isForced: boolean): Promise<SplitPoint>;
  split(leading: LocalPartition, splitting: Splitting): Promise<SplitOutcome>;
}

export type LeaderCallName = keyof LeaderCalls;

/** One call; whoever takes it knows the request's type by the name. */
export type LeaderCall = {
  readonly [Name in LeaderCallName]: {
    readonly name: Name;
    readonly request: LeaderCalls[Name]['request'];
  };
}[LeaderCallName];

export type AnswerOf<Name extends LeaderCallName> = LeaderCalls[Name]['answer'];

/** Tables that a client's call writes to: they must take writes. */
export function clientTables(call: LeaderCall): readonly number[] {
  if (call.name === 'write') return call.request.cause === 'user' ? [call.request.table] : [];
  if (call.name === 'writeEach') return call.request.slice(0, 1).map(({ table }) => table);
  if (call.name !== 'transact') return [];
  const { step, request } = call.request;
  return step === 'prepare' || step === 'decide' ? request.actions.map(({ table }) => table) : [];
}

/** Carries a call out where the partition is led. Rejects as the partition's methods do. */
export async function carryOut(
  leading: LocalPartition,
  call: LeaderCall,
  splits?: SplitCalls,
): Promise<unknown> {
  switch (call.name) {
    case 'write':
      return leading.write(call.request);
    case 'writeEach':
      return toldResults(await leading.writeEach(call.request));
    case 'receive':
      return leading.receive(call.request);
    case 'discard':
      return leading.discard(call.request.table, call.request.items);
    case 'reemit':
      return leading.reemit(call.request.table, call.request.items);
    case 'takeIndexBatch':
      return leading.takeIndexBatch(call.request);
    case 'keepShipped':
      return leading.keepShipped(call.request.document);
    case 'advanceTime':
      return leading.advanceTime();
    case 'forget':
      return leading.forget(call.request);
    case 'fork':
      return leading.fork(call.request.logId, call.request.time);
    case 'readIndex':
      return leading.readIndex(call.request);
    case 'transact':
      return leading.transact(call.request.step, call.request.request);
    case 'splitPoint':
      return splits?.point(leading, call.request.isForced) ?? { kind: 'none' };
    case 'split':
      return (
        splits?.split(leading, call.request) ?? { kind: 'waits', words: 'partitions are not split' }
      );
    default:
      return call satisfies never;
  }
}
