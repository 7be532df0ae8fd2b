import type { Bus } from '../bus/bus.ts';
import { decodeFrame, encodeFrame } from '../bus/frame.ts';
import { type SubjectName, subjectOf } from '../bus/subjects.ts';

export interface AskOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Asks one peer, in frames. Rejects with `BusError`, `FrameError` or what decoding throws. */
export class PeerLine {
  readonly peer: string;
  readonly #bus: Bus;

  constructor(bus: Bus, peer: string) {
    this.#bus = bus;
    this.peer = peer;
  }

  async ask(name: SubjectName, payload: Uint8Array, options: AskOptions): Promise<Uint8Array> {
    const message = { subject: subjectOf(this.peer, name), payload: encodeFrame(payload) };
    return decodeFrame(await this.#bus.request(this.peer, message, options));
  }
}

/** Serves `name` of the bus's own region, in frames; returns how to stop that. */
export function serveFramed(
  bus: Bus,
  name: SubjectName,
  handle: (payload: Uint8Array, from: string) => Promise<Uint8Array>,
): () => void {
  return bus.serve(subjectOf(bus.region, name), async (frame, from) =>
    encodeFrame(await handle(decodeFrame(frame), from)),
  );
}
