import { decodeMessage, encodeMessage } from '../base/message-codec.ts';
import { assert } from '../base/assert.ts';
import { finite, list, members, oneOf, optional, text, type Shape } from '../base/shape.ts';
import { joinHashed } from '../model/item-key.ts';
import type { HashRange } from '../storage/key-layout.ts';
import type { ItemImage } from './item-write.ts';
import { decisionKeptMs, tokenKeptMs } from './transaction-limits.ts';
import type { TransactionName, TransactionVerdict } from './transaction-steps.ts';

/*
 * Items of `PARTITION_TABLE` for transactions, each a message of `encodeMessage`:
 *
 *   name             at the hash                  content
 *   intent/<id>      the partition's first        `IntentDocument`: what a transaction has prepared here
 *   decision/<id>    the transaction's            `DecisionDocument`: that it is committed, or never will be
 *   token/<token>    the transaction's            `TokenDocument`: which request was committed under a client's token
 *
 * Format history: 1, the first.
 */
const FORMAT = 1;

const INTENT = 'intent/';

/** Hash (4) and length (2) before the name. */
const headBytes = 6;

export interface IntentDocument {
  readonly transaction: TransactionName;
  readonly actions: readonly PreparedAction[];
}

/** What is to be done of an action when its transaction is committed: evaluated already. `none`: the key is only held. */
export interface PreparedAction {
  readonly table: number;
  readonly key: Uint8Array;
  readonly effect: 'put' | 'remove' | 'none';
  /** With `put`. */
  readonly after?: ItemImage | undefined;
}

export interface DecisionDocument {
  readonly verdict: TransactionVerdict;
  readonly transaction: TransactionName;
  /** A hash of each partition that had an intent when it was committed. */
  readonly participants: readonly number[];
  readonly decidedMs: number;
}

export interface TokenDocument {
  readonly token: string;
  readonly fingerprint: Uint8Array;
  readonly decidedMs: number;
}

export const intentKey = ({ from }: HashRange, { id }: TransactionName): Uint8Array =>
  joinHashed(from, Buffer.from(INTENT + id));

export const decisionKey = ({ id, hash }: TransactionName): Uint8Array =>
  joinHashed(hash, Buffer.from(`decision/${id}`));

export const tokenKey = ({ hash }: TransactionName, token: string): Uint8Array =>
  joinHashed(hash, Buffer.from(`token/${token}`));

/** What kind of document lies under a key of `PARTITION_TABLE`. */
export function documentKind(key: Uint8Array): 'intent' | 'decision' | 'token' | undefined {
  const name = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString(
    'latin1',
    headBytes,
    headBytes + 'decision/'.length,
  );
  if (name.startsWith(INTENT)) return 'intent';
  if (name === 'decision/') return 'decision';
  return name.startsWith('token/') ? 'token' : undefined;
}

/** The id in the key of an intent. */
export const intentIdIn = (key: Uint8Array): string =>
  Buffer.from(key.subarray(headBytes + INTENT.length)).toString('utf8');

const bytes: Shape<Uint8Array> = (value, place) => {
  assert(value instanceof Uint8Array, `${place}: expected bytes`);
  return value;
};

const nameShape = members<TransactionName>({ id: text, hash: finite, begunMs: finite });

const intentShape = members<IntentDocument>({
  transaction: nameShape,
  actions: list(
    members<PreparedAction>({
      table: finite,
      key: bytes,
      effect: oneOf('put', 'remove', 'none'),
      after: optional(members<ItemImage>({ image: bytes, itemBytes: finite })),
    }),
  ),
});

const decisionShape = members<DecisionDocument>({
  verdict: oneOf('committed', 'cancelled'),
  transaction: nameShape,
  participants: list(finite),
  decidedMs: finite,
});

const tokenShape = members<TokenDocument>({ token: text, fingerprint: bytes, decidedMs: finite });

export const encodeTransactionDocument = (
  document: IntentDocument | DecisionDocument | TokenDocument,
): Uint8Array => encodeMessage({ format: FORMAT, ...document });

/** Throws for what `encodeTransactionDocument` did not write. */
export const decodeIntent = (image: Uint8Array): IntentDocument =>
  decoded(intentShape, image, 'intent');

export const decodeDecision = (image: Uint8Array): DecisionDocument =>
  decoded(decisionShape, image, 'decision');

export const decodeToken = (image: Uint8Array): TokenDocument =>
  decoded(tokenShape, image, 'token');

function decoded<T>(shape: Shape<T>, image: Uint8Array, place: string): T {
  const message = decodeMessage(image);
  const { format } = members<{ readonly format: number }>({ format: finite })(message, place);
  assert(format === FORMAT, `a document of a transaction has the unknown format ${format}`);
  return shape(message, place);
}

/** Whether a document can go: a token whose time is over, or a cancellation that nobody can ask for any more. */
export function isStale(key: Uint8Array, image: Uint8Array, nowMs: number): boolean {
  const kind = documentKind(key);
  if (kind === 'token') return nowMs - decodeToken(image).decidedMs > tokenKeptMs;
  if (kind !== 'decision') return false;
  const { verdict, decidedMs } = decodeDecision(image);
  return verdict === 'cancelled' && nowMs - decidedMs > decisionKeptMs;
}
