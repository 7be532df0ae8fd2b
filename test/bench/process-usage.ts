import { readFileSync } from 'node:fs';

/** The kernel counts processor time in these, whatever its own tick is. */
const TICKS_PER_SECOND = 100;
const BYTES_PER_KB = 1024;

export interface ProcessUsage {
  /** In user and system mode, of all threads. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Of those, what is no file: what the process itself has taken. */
  readonly anonymousBytes: number;
}

/** What the process `pid` uses, from Linux's /proc; undefined on other systems and for a process that is gone. */
export function processUsage(pid: number): ProcessUsage | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  const status = readProc(`/proc/${pid}/status`);
  if (stat === undefined || status === undefined) return undefined;
  // The name of the program, in parentheses, may hold spaces; fields are counted after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
  const kilobytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  return {
    cpuSeconds: (userTicks + systemTicks) / TICKS_PER_SECOND,
    residentBytes: kilobytes('VmRSS') * BYTES_PER_KB,
    anonymousBytes: kilobytes('RssAnon') * BYTES_PER_KB,
  };
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
