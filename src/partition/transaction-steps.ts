import type { ConditionExpression } from '../expression/ast.ts';
import type { StoredItem } from '../model/record.ts';
import type { ItemChange, ItemImage } from './item-write.ts';

/**
 * What a transaction asks of the leaders of its partitions, as plain data, so that it can be forwarded. See DESIGN.md,
 * "Transactions".
 */
export interface TransactionSteps {
  /** Of the decider: whether the client's token is new. From then on it is under way. */
  begin: {
    readonly request: { readonly transaction: TransactionName; readonly request: TokenRequest };
    readonly answer: 'new' | 'repeated' | 'mismatch' | 'under-way';
  };
  /** Resolves when an intent for these actions is durable; with anything but `good` in the answer nothing was made. */
  prepare: {
    readonly request: {
      readonly transaction: TransactionName;
      readonly actions: readonly PartitionAction[];
    };
    readonly answer: readonly ActionOutcome[];
  };
  /** What `decide` would say of the actions. The transaction is given up with it: its token is under way no more. */
  judge: {
    readonly request: {
      readonly transaction: TransactionName;
      readonly actions: readonly PartitionAction[];
      readonly token: string | undefined;
    };
    readonly answer: readonly ActionOutcome[];
  };
  /** Of the decider: carries out its own actions and says with the same entry that the transaction is committed. */
  decide: { readonly request: DecideRequest; readonly answer: Decision };
  /** Of the decider: what was decided. A transaction that was not is cancelled by the question, for good. */
  settle: {
    readonly request: { readonly transaction: TransactionName };
    readonly answer: TransactionVerdict;
  };
  /** Carries out what an intent says, or drops it. One that is not there is no error. Resolves when durable. */
  finish: {
    readonly request: {
      readonly transaction: TransactionName;
      readonly verdict: TransactionVerdict;
    };
    readonly answer: undefined;
  };
  /** Of the decider: every participant has finished, so nobody will ask any more. */
  close: {
    readonly request: { readonly transaction: TransactionName };
    readonly answer: undefined;
  };
  /** What stands at these keys, strongly. */
  read: {
    readonly request: { readonly reads: readonly KeyRead[] };
    readonly answer: readonly SeenItem[];
  };
  /** Of the decider: drops documents of these keys that are of no use any more. */
  sweep: {
    readonly request: { readonly keys: readonly Uint8Array[] };
    readonly answer: undefined;
  };
  /** Resolves once every intent that stood before the call is finished; rejects when that takes too long. */
  quiet: { readonly request: undefined; readonly answer: undefined };
}

export type TransactionStepName = keyof TransactionSteps;

/** One step; whoever takes it knows the request's type by the name. */
export type TransactionStep = {
  readonly [Name in TransactionStepName]: {
    readonly step: Name;
    readonly request: TransactionSteps[Name]['request'];
  };
}[TransactionStepName];

export type StepRequest<Name extends TransactionStepName> = TransactionSteps[Name]['request'];
export type StepAnswer<Name extends TransactionStepName> = TransactionSteps[Name]['answer'];

export interface TransactionName {
  /** Random: no two transactions have the same. */
  readonly id: string;
  /** The decision lies at this hash: its partition is the decider. */
  readonly hash: number;
  /** Wall time of whoever began it. Nothing is decided long after. */
  readonly begunMs: number;
}

/** The client's name for its request: see `TransactionRequest`. */
export interface TokenRequest {
  readonly token: string;
  readonly fingerprint: Uint8Array;
}

export interface PartitionAction {
  readonly table: number;
  /** `ItemKey` bytes. */
  readonly key: Uint8Array;
  readonly change: ItemChange | { readonly kind: 'check' };
  readonly condition: ConditionExpression | undefined;
}

export interface DecideRequest {
  readonly transaction: TransactionName;
  /** Those of the decider's own items. */
  readonly actions: readonly PartitionAction[];
  /** A hash of each partition with an intent: where `finish` is due. */
  readonly participants: readonly number[];
  readonly request: TokenRequest | undefined;
}

export type TransactionVerdict = 'committed' | 'cancelled';

/**
 * `refused`: by the decider's own actions. `cancelled`: somebody else has settled it so, or it is too old. Anything but
 * `committed` has written nothing.
 */
export type Decision =
  | { readonly kind: 'committed'; readonly outcomes: readonly ActionOutcome[] }
  | { readonly kind: 'refused'; readonly outcomes: readonly ActionOutcome[] }
  | { readonly kind: 'repeated' | 'mismatch' | 'cancelled' };

/** `refused` is a `ClientError` as plain data. */
export type ActionOutcome =
  | {
      readonly kind: 'good';
      readonly before?: ItemImage | undefined;
      readonly after?: ItemImage | undefined;
    }
  | { readonly kind: 'condition'; readonly before?: ItemImage | undefined }
  | { readonly kind: 'conflict' }
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly message: string;
      readonly status: number;
      readonly members: Readonly<Record<string, unknown>>;
    };

export interface KeyRead {
  readonly table: number;
  readonly key: Uint8Array;
}

/**
 * What stands at a key. `mark` changes whenever the item does: what is read twice with the same mark has stood there all the
 * time between. `busy`: an intent is on it.
 */
export type SeenItem =
  | { readonly kind: 'busy' }
  | {
      readonly kind: 'seen';
      readonly item?: Pick<StoredItem, 'image' | 'itemBytes'> | undefined;
      readonly mark: string;
    };
