import { once } from 'node:events';
import { createServer } from 'node:net';
import { threadId } from 'node:worker_threads';

/**
 * Below what Linux (32768 and up) and macOS and Windows (49152 and up) give to connections that go out: a listener that is away for a
 * moment, as one that is started again, would find its port taken by such a connection.
 */
const FIRST_PORT = 12_000;
const LAST_PORT = 31_999;
/** Processes that look at the same time begin so far apart. */
const BLOCK_PORTS = 97;
const HOST = '127.0.0.1';

const count = LAST_PORT - FIRST_PORT + 1;
let offset = ((process.pid + threadId) * BLOCK_PORTS) % count;

/** Ports of loopback that nobody listens on now, all different, and different from those that this process was given before. Rejects when there are none. */
export async function freePorts(wanted: number): Promise<readonly number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < wanted; tries++) {
    if (tries === count) throw new Error(`no ${wanted} free ports on ${HOST}`);
    const port = FIRST_PORT + offset;
    offset = (offset + 1) % count;
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, HOST);
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
