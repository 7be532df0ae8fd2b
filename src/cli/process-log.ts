import { isObject } from './json-members.ts';
import type { Json, JsonObject } from '../daemon/operations-target.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Passes on a line of a daemon's log, which is JSON; anything else that it writes is a warning. */
export function relayDaemonLine(line: string, logger: Logger): void {
  const entry = objectIn(line);
  if (entry === undefined || typeof entry['msg'] !== 'string') {
    if (line.trim() !== '') logger.warn({ line }, 'daemon wrote');
    return;
  }
  const { level, msg } = entry;
  const known = LEVELS.find((name) => name === level) ?? 'info';
  const fields = Object.entries(entry).filter(([name]) => !HEAD.includes(name));
  logger[known](Object.fromEntries(fields), msg);
}

/** Whether a line is of a daemon's log: the lab's has it already. */
export const isDaemonEntry = (line: string): boolean => typeof objectIn(line)?.['msg'] === 'string';

/** What every line begins with, and the lab's own line too. */
const HEAD: readonly string[] = ['level', 'time', 'msg', 'region'];

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** `[4711] 2026/01/31 12:00:00.000001 [WRN] message` */
const SERVER_LINE = /^\[\d+\] \S+ \S+ \[(?<level>[A-Z]{3})\] (?<message>.*)$/u;

/**
 * What belongs to a lab: passwords that live as long as it does, in files that only their owner reads; servers of a
 * cluster that start and stop at once; the meta layer's snapshots.
 */
const EXPECTED =
  /^(?:Plaintext passwords detected|Error trying to connect to route|Waiting for routing|Metalayer blocking snapshot)/u;

/** Passes on what a nats-server warns of; all else is for who looks closely. */
export function relayServerLine(line: string, logger: Logger): void {
  const { level, message = line } = SERVER_LINE.exec(line)?.groups ?? {};
  const fields = { line: message };
  if (EXPECTED.test(message)) logger.debug(fields, 'nats-server wrote');
  else if (level === 'ERR' || level === 'FTL') logger.error(fields, 'nats-server error');
  else if (level === 'WRN') logger.warn(fields, 'nats-server warning');
  else logger.debug(fields, 'nats-server wrote');
}

function objectIn(line: string): JsonObject | undefined {
  try {
    const json: Json = JSON.parse(line);
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}
