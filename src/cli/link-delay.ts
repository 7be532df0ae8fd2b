import { LINK_DELAY_MS_MAX } from '../bus/link.ts';
import { UsageError } from './usage-error.ts';

/** A delay that `--delay` sets on the link between two regions. */
export interface LinkDelay {
  readonly from: string;
  readonly to: string;
  /** Whether the way back is slowed too. */
  readonly bothWays: boolean;
  readonly delayMs: number;
}

const FORM =
  /^(?<from>[^:=<>]+?)(?<way>:|->)(?<to>[^:=<>]+)=(?<amount>\d+(?:\.\d+)?)(?<unit>ms|s)$/u;
const MS_PER_SECOND = 1000;

/** `us-east-1:eu-west-1=80ms` both ways, `us-east-1->eu-west-1=80ms` one way. Throws `UsageError`. */
export function parseLinkDelay(text: string): LinkDelay {
  const { from, way, to, amount, unit } = FORM.exec(text)?.groups ?? {};
  if (from === undefined || to === undefined) {
    throw new UsageError(
      `--delay ${text}: expected two regions and a time, such as us-east-1:eu-west-1=80ms (both ways) or 'us-east-1->eu-west-1=80ms' (one way)`,
      'lab',
    );
  }
  if (from === to) throw new UsageError(`--delay ${text}: a region has no link to itself`, 'lab');
  const delayMs = Number(amount) * (unit === 's' ? MS_PER_SECOND : 1);
  if (delayMs > LINK_DELAY_MS_MAX) {
    throw new UsageError(`--delay ${text}: ${LINK_DELAY_MS_MAX} ms is the longest delay`, 'lab');
  }
  return { from, to, bothWays: way === ':', delayMs };
}
