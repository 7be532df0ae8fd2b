import { readFileSync } from 'node:fs';

let read: string | undefined;

/** The release that runs, as `package.json` says it: `0.1.0`; `unknown` where none is found. */
export function release(): string {
  read ??= readRelease();
  return read;
}

function readRelease(): string {
  try {
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    const manifest: unknown = JSON.parse(text);
    const has = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
    return has ? String(manifest.version) : 'unknown';
  } catch {
    return 'unknown';
  }
}
