import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const HOST = '127.0.0.1';
/** Of one connection, one way. More is left in the sender's socket. */
const HELD_BYTES_MAX = 1024 ** 2;
/** About what one wait for bandwidth, or one stall, is for. */
const TAKEN_BYTES_MAX = 64 * 1024;
const LOOK_MS = 20;
const MS_PER_SECOND = 1000;

/** What a proxy does to everything that passes from now on. */
export interface LinkConditions {
  /** Bytes towards the target wait while this is false, as they do behind a network that drops them. */
  readonly toTarget: boolean;
  /** Bytes from the target do. */
  readonly fromTarget: boolean;
  /** Each way. */
  readonly delayMs: number;
  /** Each way of each connection; undefined for as fast as it goes. */
  readonly bytesPerSecond: number | undefined;
  /** How often, of 1, a piece waits `stallMs`, and all behind it, as after a packet that was lost. */
  readonly stallShare: number;
  readonly stallMs: number;
}

export const GOOD_LINK: LinkConditions = {
  toTarget: true,
  fromTarget: true,
  delayMs: 0,
  bytesPerSecond: undefined,
  stallShare: 0,
  stallMs: 0,
};

/** A TCP proxy on loopback before one port, whose connections can be held, slowed and stalled, each way by itself. */
export class TcpProxy {
  readonly #target: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #conditions = GOOD_LINK;
  #closed = false;

  /** Listens on a free port. The target need not listen yet. */
  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.#server.listen(0, HOST);
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#join(client));
  }

  get port(): number {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open now, each with two ends. */
  get connections(): number {
    return this.#sockets.size / 2;
  }

  set(change: Partial<LinkConditions>): void {
    this.#conditions = { ...this.#conditions, ...change };
  }

  /** Ends every connection at once; new ones are taken. */
  reset(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.reset();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  #join(client: Socket): void {
    const target = connect({ port: this.#target, host: HOST, noDelay: true });
    client.setNoDelay(true);
    for (const socket of [client, target]) {
      this.#sockets.add(socket);
      // What it is told through `close`.
      socket.on('error', () => {});
      socket.once('close', () => this.#sockets.delete(socket));
    }
    void this.#pump(client, target, 'toTarget');
    void this.#pump(target, client, 'fromTarget');
  }

  /** An end is passed on in its turn, and waits as bytes do. */
  async #pump(from: Socket, to: Socket, way: 'toTarget' | 'fromTarget'): Promise<void> {
    const pieces: Piece[] = [];
    let [heldBytes, ended] = [0, false];
    let wake: (() => void) | undefined;
    from.on('data', (bytes: Buffer) => {
      pieces.push({ bytes, dueMs: performance.now() + this.#conditions.delayMs });
      heldBytes += bytes.length;
      if (heldBytes > HELD_BYTES_MAX) from.pause();
      wake?.();
    });
    from.once('close', () => {
      ended = true;
      wake?.();
    });
    from.once('end', () => {
      ended = true;
      wake?.();
    });
    for (;;) {
      const [first] = pieces;
      if (first === undefined) {
        if (ended) break;
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      await sleep(first.dueMs - performance.now());
      const bytes = takeDue(pieces);
      await this.#hinder(bytes.length, way);
      if (to.destroyed) break;
      if (!to.write(bytes)) await drained(to);
      heldBytes -= bytes.length;
      if (heldBytes <= HELD_BYTES_MAX) from.resume();
    }
    await this.#passable(way);
    to.destroy();
    from.destroy();
  }

  async #hinder(bytes: number, way: 'toTarget' | 'fromTarget'): Promise<void> {
    const { bytesPerSecond, stallShare, stallMs } = this.#conditions;
    if (bytesPerSecond !== undefined) await sleep((bytes / bytesPerSecond) * MS_PER_SECOND);
    if (stallShare > 0 && Math.random() < stallShare) await sleep(stallMs);
    await this.#passable(way);
  }

  async #passable(way: 'toTarget' | 'fromTarget'): Promise<void> {
    while (!this.#conditions[way] && !this.#closed) await sleep(LOOK_MS);
  }
}

/** Bytes that were heard at once, and when they may go on. */
interface Piece {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

/** Takes the first piece, and those behind it that are due: a stream that has stalled goes on at once. */
function takeDue(pieces: Piece[]): Buffer {
  const nowMs = performance.now();
  let [count, bytes] = [0, 0];
  for (const piece of pieces) {
    if (count > 0 && (piece.dueMs > nowMs || bytes > TAKEN_BYTES_MAX)) break;
    count++;
    bytes += piece.bytes.length;
  }
  return Buffer.concat(pieces.splice(0, count).map((piece) => piece.bytes));
}

/** Resolves when there is room again, or nobody to write to. */
async function drained(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

async function sleep(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}
