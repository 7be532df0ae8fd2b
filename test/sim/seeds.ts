/** A seed that once found something, and what. */
export interface KeptSeed {
  readonly seed: number;
  readonly found: string;
}

/**
 * Bugs that worlds have found, oldest first: what is mended stays, and `npm test` runs these worlds. A seed replays the very world
 * that found it only as long as options and workloads are drawn alike, and both have grown since; each mend has a test of its own
 * beside the code. What a seed finds today is shown by the planted bugs.
 */
export const KEPT_SEEDS: readonly KeptSeed[] = [
  {
    seed: 1,
    found:
      'After a restart the lag was 0 while what the log already held was still being counted; and a region did not start when the disk of one of its three zones was full.',
  },
  {
    seed: 5,
    found:
      'A zone that was away, or lost power, while a table was deleted kept its items for ever: the removal is not synced, and at a start it was done before the catalogue was known.',
  },
  {
    seed: 12,
    found:
      'A replica stayed DELETING for ever when one zone was full as it was deleted: its home had removed the member and asked no second time.',
  },
  {
    seed: 4,
    found:
      'A zone whose store could not be taken over (disk full, after a wipe) was left open, and so locked against every later try.',
  },
  {
    seed: 75,
    found:
      'A blank zone that follows the log from its beginning brought the items of deleted tables back, because it had no marks of them.',
  },
  {
    seed: 51,
    found:
      'A resync stopped at a table that the peer had left unheard of, and with it the replication of every other table.',
  },
  {
    seed: 21,
    found:
      'Members that had been removed unheard of, by one that was alone afterwards, were never told: it had kept no state that said so.',
  },
  {
    seed: 128,
    found:
      'An outbox whose log was trimmed past the place where a resync had just put it stayed in RESYNC for ever: nobody was told again.',
  },
  {
    seed: 172,
    found:
      'A region that could not write for a moment while it took over the state of a table never compared its tables with that peer again.',
  },
  {
    seed: 126,
    found:
      'A home that left while its heir had taken it for lost overwrote the state of the heir with one of the same revision.',
  },
  {
    seed: 203,
    found:
      'A leader that had been overtaken and had opened an epoch again answered a strong read with what stood before the other wrote: the epoch was proof for the log before the leader had taken in what stands in front of it.',
  },
  {
    seed: 6323,
    found:
      'Rebuilding one partition took over the marks of dropped tables, and hid a table that lived again under the same number from the other partitions.',
  },
  {
    seed: 6377,
    found: 'Two members that were evicted at one time waited for each other for ever.',
  },
  {
    seed: 6577,
    found:
      'A resync with a region that was lost for good never ended, and nothing was forgotten any more.',
  },
  {
    seed: 6753,
    found:
      'The home had deleted the table and another member was lost: nobody was left who could remove it.',
  },
  {
    seed: 5014,
    found:
      'Pages of a copy that were lost together multiplied the wait for an answer, up to two minutes.',
  },
  {
    seed: 5020,
    found: 'Two sides that had each removed the other went different ways after they met again.',
  },
  {
    seed: 5213,
    found: 'A replica that was on its way out, and was the last one left, could not stay.',
  },
  {
    seed: 84,
    found:
      'A replica that was removed unheard of, from a table that its home deleted then, asked a region that was lost for good for ever.',
  },
  {
    seed: 161,
    found:
      'A home on an older disk did not get back what it had shipped to a replica that was still being filled.',
  },
  {
    seed: 467,
    found:
      'A region that had been removed unheard of, and took over from a lost home, told a watermark over what another had not shipped to it meanwhile.',
  },
  {
    seed: 517,
    found:
      'A leader that was at rest while its stream went back, and was filled up by another, passed over what it was told and went on leading for ever.',
  },
];
