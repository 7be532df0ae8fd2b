/** What the process exits with; `--help` says the same. */
export const EXIT = {
  ok: 0,
  /** Something failed while starting or running. */
  failed: 1,
  /** The command line or the configuration is wrong; nothing was started. */
  usage: 2,
  /** A second Ctrl-C: what was in flight was not waited for. */
  interrupted: 130,
} as const;
