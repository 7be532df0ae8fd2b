import type { Socket } from 'node:net';
import { connect } from 'node:net';

import { AnswerReader } from './answer-reader.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { Pace } from './pace.ts';
import { processUsage } from './process-usage.ts';

const OK = 200;
const READ_BYTES = 64 * 1024;
/** Odd and prime, so that it visits every request of any pool that it does not divide. */
const STRIDE = 7919;

export interface LoadOptions {
  readonly port: number;
  /** Whole HTTP requests, sent again and again in a fixed order that jumps about. */
  readonly requests: readonly Buffer[];
  readonly connections: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
  /** Of all connections together; as many as are answered unless given. */
  readonly ratePerSecond?: number;
  /**
   * Requests are due at that rate whether or not those before them are answered, and one that was due while its
   * connection still waited has waited from then on: latencies are corrected for coordinated omission. Needs a rate.
   */
  readonly isOpen?: boolean;
  /** The process whose processor time is counted. */
  readonly serverPid: number;
}

export interface LoadResult {
  readonly ratePerSecond: number;
  readonly answers: number;
  /** Answers other than 200; they are not in the rate. */
  readonly failures: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** Of the server, per 1,000 answers. */
  readonly serverCpuSecondsPer1000: number | undefined;
  /** Of the generator, per 1,000 answers: near the reciprocal of the rate, the generator is the bottleneck. */
  readonly generatorCpuSecondsPer1000: number;
}

/**
 * Each connection sends its next request when it has read the whole answer to the one before, and it is time for it.
 * Rejects when a connection ends early or an answer is not HTTP.
 */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { connections, warmUpMs, measuredMs, serverPid } = options;
  const tally: Tally = { histogram: new LatencyHistogram(), failures: 0, running: true };
  const ends = Array.from({ length: connections }, async (_, index) =>
    drive(options, tally, Math.floor((index * options.requests.length) / connections)),
  );
  const broken = Promise.all(ends);
  const pause = async (ms: number): Promise<unknown> =>
    Promise.race([broken, new Promise((resolve) => setTimeout(resolve, ms))]);

  await pause(warmUpMs);
  tally.histogram = new LatencyHistogram();
  tally.failures = 0;
  const serverBefore = processUsage(serverPid);
  const ownBefore = process.cpuUsage();
  const startedMs = performance.now();
  await pause(measuredMs);
  const elapsedMs = performance.now() - startedMs;
  const { histogram, failures } = tally;
  const own = process.cpuUsage(ownBefore);
  const serverAfter = processUsage(serverPid);
  tally.running = false;
  await broken;

  const answers = histogram.count;
  const per1000 = (seconds: number): number => (seconds * 1000) / Math.max(1, answers + failures);
  return {
    ratePerSecond: (answers * 1000) / elapsedMs,
    answers,
    failures,
    p50Ms: histogram.quantileMs(0.5),
    p99Ms: histogram.quantileMs(0.99),
    serverCpuSecondsPer1000:
      serverBefore === undefined || serverAfter === undefined
        ? undefined
        : per1000(serverAfter.cpuSeconds - serverBefore.cpuSeconds),
    generatorCpuSecondsPer1000: per1000((own.user + own.system) / 1e6),
  };
}

/** What all connections add to; exchanged at the end of the warm-up. */
interface Tally {
  histogram: LatencyHistogram;
  failures: number;
  running: boolean;
}

/** One connection, until the tally says stop and its last answer is there. */
async function drive(options: LoadOptions, tally: Tally, first: number): Promise<void> {
  const { port, requests } = options;
  const stride = requests.length % STRIDE === 0 ? 1 : STRIDE;
  let at = first;
  // From when on the request under way has waited.
  let sinceMs = performance.now();
  const isOpen = options.isOpen === true;
  const ratePerSecond = options.ratePerSecond ?? Infinity;
  const everyMs = (options.connections * 1000) / ratePerSecond;
  // Connections do not start at once where there is a rate.
  const pace = new Pace({ everyMs, isOpen, firstMs: sinceMs + everyMs * Math.random() });
  const sendInTime = (socket: Socket): void => {
    const turn = pace.next(performance.now());
    if (turn.waitMs > 0) setTimeout(() => send(socket, performance.now()), turn.waitMs);
    else send(socket, turn.sinceMs ?? performance.now());
  };
  const send = (socket: Socket, fromMs: number): void => {
    const request = requests[at % requests.length];
    if (request === undefined) throw new Error('no requests to send');
    at += stride;
    sinceMs = fromMs;
    socket.write(request);
  };
  await converse(port, (socket, status) => {
    if (status === OK) tally.histogram.record(performance.now() - sinceMs);
    else if (status !== undefined) tally.failures += 1;
    if (tally.running) sendInTime(socket);
    return tally.running;
  });
}

/**
 * Opens a connection and calls `next` when it is open and then with the status of each answer; `next` sends a
 * request, or returns false to close it.
 */
async function converse(
  port: number,
  next: (socket: Socket, status: number | undefined) => boolean,
): Promise<void> {
  const reader = new AnswerReader();
  let done = false;
  const goOn = (socket: Socket, status: number | undefined): void => {
    if (next(socket, status)) return;
    done = true;
    socket.end();
  };
  await new Promise<void>((resolve, reject) => {
    const onread = {
      buffer: Buffer.allocUnsafe(READ_BYTES),
      callback: (bytes: number, buffer: Uint8Array): boolean => {
        try {
          const chunk = Buffer.from(buffer.buffer, buffer.byteOffset, bytes);
          const status = reader.push(chunk);
          if (status !== undefined) goOn(socket, status);
        } catch (error) {
          socket.destroy(error instanceof Error ? error : new Error(String(error)));
        }
        return true;
      },
    };
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread }, () =>
      goOn(socket, undefined),
    );
    socket.once('error', reject);
    socket.once('close', () => {
      if (done) resolve();
      else reject(new Error(`port ${port}: the connection was closed early`));
    });
  });
}
