import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/**
 * Reads what to watch over until its input ends, as it does however this process ends; then asks what still runs to
 * stop, ends what does not within two seconds, and removes folders.
 */
const SCRIPT = `
trap '' HUP INT TERM
pids=
while IFS= read -r line; do
  value=\${line#? }
  case $line in
    '+ '*) pids="$pids $value" ;;
    '- '*)
      left=
      for pid in $pids; do [ "$pid" = "$value" ] || left="$left $pid"; done
      pids=$left ;;
    'd '*) set -- "$@" "$value" ;;
  esac
done
if [ -n "$pids" ]; then
  kill -TERM $pids 2>/dev/null
  for wait in 1 2 3 4 5 6 7 8 9 10; do
    left=
    for pid in $pids; do kill -0 "$pid" 2>/dev/null && left=yes; done
    [ -n "$left" ] || break
    sleep 0.2
  done
  kill -KILL $pids 2>/dev/null
fi
for folder do
  rm -rf -- "$folder" || { sleep 0.5; rm -rf -- "$folder"; }
done
`;

/**
 * Ends the processes that this one started when this one is gone, also after `kill -9`: a small process of its own
 * that a terminal's signals do not reach. Not on Windows.
 */
export class ProcessGuard {
  readonly #input: Writable | undefined;

  constructor() {
    if (process.platform === 'win32') return;
    const shell = spawn('/bin/sh', ['-c', SCRIPT, 'tidemark-guard'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    // Without a shell nothing is guarded, and all else goes on.
    shell.on('error', () => {});
    shell.stdin.on('error', () => {});
    shell.unref();
    this.#input = shell.stdin;
    // A pipe of a child is a socket, which would keep this process running.
    if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref();
  }

  watch(pid: number): void {
    this.#input?.write(`+ ${pid}\n`);
  }

  /** For a process that has ended: its number may be given to another one. */
  forget(pid: number): void {
    this.#input?.write(`- ${pid}\n`);
  }

  /** The folder is removed once this process is gone. */
  removeAtEnd(folder: string): void {
    if (!folder.includes('\n')) this.#input?.write(`d ${folder}\n`);
  }

  /** What is watched now ends soon. */
  close(): void {
    this.#input?.end();
  }
}
