import type { BusMessage, RequestHandler } from './bus.ts';
import { BusError, PAYLOAD_BYTES_MAX } from './bus.ts';

/** How a request ended. */
export type Outcome =
  | { readonly kind: 'answer'; readonly payload: Uint8Array }
  | { readonly kind: 'failed'; readonly error: BusError };

/** What a handler makes of a request, whatever it throws. */
export async function outcomeOf(
  handle: RequestHandler,
  message: BusMessage,
  from: string,
): Promise<Outcome> {
  try {
    const payload = await handle(message.payload, from);
    if (payload.length > PAYLOAD_BYTES_MAX) throw tooLarge(message.subject, payload.length);
    return { kind: 'answer', payload };
  } catch (error) {
    return { kind: 'failed', error: remoteError(message.subject, error) };
  }
}

/** What the asker learns of a handler's error: its code and its words, not the object. */
function remoteError(subject: string, error: unknown): BusError {
  const words = error instanceof Error ? error.message : String(error);
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return new BusError(
    'remote',
    `${subject} failed: ${words}`,
    typeof code === 'string' ? { remoteCode: code } : {},
  );
}

export const stopped = (region: string): BusError =>
  new BusError('stopped', `the bus of ${region} has stopped`);

export const aborted = (subject: string): BusError =>
  new BusError('stopped', `the asker of ${subject} gave up`);

export const timedOut = (subject: string, timeoutMs: number): BusError =>
  new BusError('timeout', `no answer to ${subject} within ${timeoutMs} ms`);

export const tooLarge = (subject: string, bytes: number): BusError =>
  new BusError(
    'too-large',
    `${bytes} bytes on ${subject}, and a message carries ${PAYLOAD_BYTES_MAX} at most`,
  );
