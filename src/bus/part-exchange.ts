import type { Clock } from '../base/clock.ts';
import type { Msg } from './nats-connection.ts';
import type { NatsLine } from './nats-line.ts';
import { Assembly, type Cut, partOf } from './parts.ts';

/** What is being put together on one connection, and what is held for those who put it together. */
export const GATHERED_BYTES_MAX = 64 * 1024 * 1024;
export const HELD_BYTES_MAX = 64 * 1024 * 1024;

/** So much is asked for at once, and of each message one part at least. */
const PULLED_BYTES_MAX = 2 * 1024 * 1024;

/** What has not moved for so long is given up. */
export const PARTS_MS_MAX = 15_000;

const NOTHING = new Uint8Array(0);

/** Only an inbox is asked for parts, whatever a message says. */
const PULL_SUBJECT = /^_INBOX\.[\w.]{1,200}$/u;

/** The connection that parts travel on. */
export type PartLine = Pick<NatsLine, 'inbox' | 'publish' | 'expect' | 'onInbox' | 'watch'>;

interface Held {
  readonly payload: Uint8Array;
  readonly partBytes: number;
  /** Parts that nobody has asked for yet; undefined for what its owner releases. */
  left: number | undefined;
  movedMs: number;
}

interface Gathering {
  readonly cut: Cut;
  readonly assembly: Assembly;
  readonly pull: string;
  readonly done: (message: Uint8Array | undefined) => void;
  /** The next part to ask for, and how many were asked for and are not there. */
  next: number;
  pulled: number;
  movedMs: number;
}

/**
 * The parts of long messages. Who sends one sends its first part and holds the rest; who has received that one asks for the
 * others, a few at once, at an inbox of the sender's. So all parts go to one receiver, however many serve the subject, and
 * no more of them are under way than a slow connection bears.
 */
export class PartExchange {
  readonly #line: PartLine;
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();
  readonly #gatherings = new Map<string, Gathering>();
  #heldBytes = 0;
  #gatheredBytes = 0;
  #pulledBytes = 0;
  #count = 0;
  #isSweeping = false;

  constructor(line: PartLine, clock: Clock) {
    this.#line = line;
    this.#clock = clock;
    line.onInbox('end', (_, [id = '']) => {
      if (this.#held.get(id)?.left !== undefined) this.#unlend(id);
    });
    line.onInbox('pull', (message, [id = '', index = '']) =>
      this.#give(message, id, Number(index)),
    );
    line.onInbox('part', (message, [id = '', index = '']) =>
      this.#take(message, id, Number(index)),
    );
    line.watch({ lost: () => this.#drop() });
  }

  /** For the owner of a message, who bounds what it has and releases it. */
  hold(payload: Uint8Array, partBytes: number): { readonly pull: string; release(): void } {
    const id = this.#nextId();
    this.#held.set(id, { payload, partBytes, left: undefined, movedMs: 0 });
    return { pull: `${this.#line.inbox}.pull.${id}`, release: () => this.#held.delete(id) };
  }

  /**
   * Where the rest of a message can be had until all of it was, or nobody has asked for `PARTS_MS_MAX`; undefined when more
   * than `HELD_BYTES_MAX` would be held.
   */
  lend(payload: Uint8Array, cut: Cut): string | undefined {
    if (this.#heldBytes + payload.length > HELD_BYTES_MAX) return undefined;
    const id = this.#nextId();
    const { partBytes } = cut;
    const held = { payload, partBytes, left: cut.count - 1, movedMs: this.#clock.monotonicMs() };
    this.#held.set(id, held);
    this.#heldBytes += payload.length;
    void this.#sweep();
    return `${this.#line.inbox}.pull.${id}`;
  }

  /**
   * Fetches the rest of a message at `pull`; `done` is told the whole, or undefined when it cannot be had. Undefined when that
   * would be more than `GATHERED_BYTES_MAX`, or no such message is possible; else the function that gives it up.
   */
  gather(
    first: { readonly cut: Cut; readonly part: Uint8Array; readonly pull: string },
    done: (message: Uint8Array | undefined) => void,
  ): (() => void) | undefined {
    const { cut, part, pull } = first;
    const isFull = this.#gatheredBytes + cut.totalBytes > GATHERED_BYTES_MAX;
    if (isFull || !PULL_SUBJECT.test(pull)) return undefined;
    const assembly = new Assembly(cut);
    if (!assembly.put(0, part)) return undefined;
    const id = this.#nextId();
    const movedMs = this.#clock.monotonicMs();
    const gathering = { cut, assembly, pull, done, next: 1, pulled: 0, movedMs };
    this.#gatherings.set(id, gathering);
    this.#gatheredBytes += cut.totalBytes;
    void this.#sweep();
    this.#pull(id, gathering);
    return () => {
      if (this.#forget(id) !== undefined) this.decline(pull);
    };
  }

  /** Tells who lends a message that nobody will fetch it. */
  decline(pull: string): void {
    if (PULL_SUBJECT.test(pull)) this.#line.publish(pull.replace('.pull.', '.end.'), NOTHING, {});
  }

  #nextId(): string {
    this.#count += 1;
    return this.#count.toString(36);
  }

  #give(message: Msg, id: string, index: number): void {
    const held = this.#held.get(id);
    const { reply } = message;
    if (reply === undefined || reply === '') return;
    if (held === undefined) {
      // No part is empty, so who asks learns that there is none to come.
      this.#line.publish(reply, NOTHING, {});
      return;
    }
    held.movedMs = this.#clock.monotonicMs();
    const part = partOf(held.payload, held.partBytes, index);
    if (part.length === 0 || !this.#line.publish(reply, part, {})) return;
    if (held.left === undefined) return;
    held.left -= 1;
    if (held.left === 0) this.#unlend(id);
  }

  #take(message: Msg, id: string, index: number): void {
    const gathering = this.#gatherings.get(id);
    if (gathering === undefined) return;
    this.#expect(gathering, -1);
    gathering.movedMs = this.#clock.monotonicMs();
    if (!gathering.assembly.put(index, message.data)) this.#end(id, undefined);
    else if (gathering.assembly.isComplete) this.#end(id, gathering.assembly.message);
    else this.#pull(id, gathering);
  }

  #pull(id: string, gathering: Gathering): void {
    const { count, partBytes } = gathering.cut;
    while (
      gathering.next < count &&
      (gathering.pulled === 0 || this.#pulledBytes + partBytes <= PULLED_BYTES_MAX)
    ) {
      const index = gathering.next;
      const reply = `${this.#line.inbox}.part.${id}.${index}`;
      if (!this.#line.publish(`${gathering.pull}.${index}`, NOTHING, { reply })) {
        this.#end(id, undefined);
        return;
      }
      gathering.next += 1;
      this.#expect(gathering, 1);
    }
  }

  #end(id: string, message: Uint8Array | undefined): void {
    this.#forget(id)?.done(message);
  }

  #forget(id: string): Gathering | undefined {
    const gathering = this.#gatherings.get(id);
    if (gathering === undefined) return undefined;
    this.#gatherings.delete(id);
    this.#gatheredBytes -= gathering.cut.totalBytes;
    this.#expect(gathering, -gathering.pulled);
    return gathering;
  }

  /** Of the parts of a message, so many more are on their way. */
  #expect(gathering: Gathering, parts: number): void {
    const bytes = parts * gathering.cut.partBytes;
    gathering.pulled += parts;
    this.#pulledBytes += bytes;
    this.#line.expect(bytes);
  }

  #unlend(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    this.#heldBytes -= held.payload.length;
  }

  /** Ends what has not moved for `PARTS_MS_MAX`, as long as there is anything. */
  async #sweep(): Promise<void> {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    while (this.#heldBytes > 0 || this.#gatherings.size > 0) {
      await this.#clock.sleep(PARTS_MS_MAX / 3);
      const sinceMs = this.#clock.monotonicMs() - PARTS_MS_MAX;
      for (const [id, { movedMs }] of this.#gatherings)
        if (movedMs <= sinceMs) this.#end(id, undefined);
      for (const [id, { movedMs, left }] of this.#held)
        if (left !== undefined && movedMs <= sinceMs) this.#unlend(id);
    }
    this.#isSweeping = false;
  }

  /** A connection that is gone takes with it what was asked for on it. */
  #drop(): void {
    for (const id of this.#gatherings.keys()) this.#end(id, undefined);
    for (const [id, held] of this.#held) if (held.left !== undefined) this.#unlend(id);
  }
}
