import { BusError } from './bus.ts';
import { type Msg, type MsgHdrs, natsHeaders } from './nats-connection.ts';
import { type Cut, cutFrom, cutText } from './parts.ts';

/*
 * What stands in the headers of messages between daemons, besides the bytes that are sent. `Tm-From`: the region that asks.
 * `Tm-Cut` and `Tm-Pull`: this is the first part of a longer message, and where the others are had. `Tm-Failed`: an answer
 * that is no answer, its bytes the JSON text `{"code":…,"remoteCode":…,"words":…}`. Part of `WIRE_VERSION`.
 */
const FROM = 'Tm-From';
const CUT = 'Tm-Cut';
const PULL = 'Tm-Pull';
const FAILED = 'Tm-Failed';

const REGION = /^[a-z0-9-]{1,63}$/u;
const NO_RESPONDERS = 503;
const WORDS_MAX = 4000;

export interface FirstPart {
  readonly cut: Cut;
  readonly part: Uint8Array;
  readonly pull: string;
}

export const requestHeaders = (from: string): MsgHdrs => natsHeaders({ [FROM]: from });

/** Adds where the rest of a message is. */
export function withRest(head: MsgHdrs | undefined, cut: Cut, pull: string): MsgHdrs {
  const whole = head ?? natsHeaders({});
  whole.set(CUT, cutText(cut));
  whole.set(PULL, pull);
  return whole;
}

/** Who asks; undefined when the message does not say so. */
export function senderOf(message: Msg): string | undefined {
  const from = message.headers?.get(FROM) ?? '';
  return REGION.test(from) ? from : undefined;
}

/** Undefined for a message that is whole; `damaged` for one that says otherwise and cannot be understood. */
export function firstPartOf(message: Msg): FirstPart | 'damaged' | undefined {
  const text = message.headers?.get(CUT) ?? '';
  if (text === '') return undefined;
  const cut = cutFrom(text);
  if (cut === undefined) return 'damaged';
  return { cut, part: message.data, pull: message.headers?.get(PULL) ?? '' };
}

/** Whether it is the server's word that nobody serves the subject. */
export const isUnserved = (message: Msg): boolean =>
  message.data.length === 0 && message.headers?.code === NO_RESPONDERS;

export interface Failed {
  readonly headers: MsgHdrs;
  readonly payload: Uint8Array;
}

export function failedMessage({ code, remoteCode, message }: BusError): Failed {
  const said = { code, remoteCode, words: message.slice(0, WORDS_MAX) };
  return {
    headers: natsHeaders({ [FAILED]: '1' }),
    payload: new TextEncoder().encode(JSON.stringify(said)),
  };
}

/** The error that an answer stands for; undefined for one that is an answer. */
export function failureOf(message: Msg, subject: string): BusError | undefined {
  if ((message.headers?.get(FAILED) ?? '') === '') return undefined;
  try {
    const said: unknown = JSON.parse(new TextDecoder().decode(message.data));
    if (isFailure(said)) {
      const { code, remoteCode, words } = said;
      if (code === 'unreachable') return new BusError('unreachable', words);
      return new BusError('remote', words, typeof remoteCode === 'string' ? { remoteCode } : {});
    }
  } catch {
    // Said below: it is no JSON text.
  }
  return new BusError('remote', `${subject} failed in words that cannot be read`);
}

const isFailure = (said: unknown): said is { code: unknown; remoteCode: unknown; words: string } =>
  typeof said === 'object' &&
  said !== null &&
  'code' in said &&
  'words' in said &&
  typeof said.words === 'string';
