import type { Clock } from '../base/clock.ts';
import { HybridClock } from '../clock/hybrid-clock.ts';
import { WallJudge } from '../clock/wall-judge.ts';
import type { Logger } from '../telemetry/logger.ts';

/** The clock by which a daemon stamps what it writes, and what is to be said of the machine's. */
export class RegionClock {
  readonly judge: WallJudge;
  readonly hybrid: HybridClock;

  constructor(clock: Clock, logger: Logger) {
    this.judge = new WallJudge(clock, (state) => {
      if (state.kind === 'believed') logger.info({}, 'the wall clock is believed again');
      else
        logger.error(
          { state },
          'the wall clock is not believed: time goes on by the monotonic clock',
        );
    });
    this.hybrid = new HybridClock(this.judge);
  }

  /** Why the wall clock is not believed; undefined when it is. */
  get alarm(): string | undefined {
    const { state } = this.judge;
    return state.kind === 'believed' ? undefined : `${state.kind} by ${Math.round(state.byMs)} ms`;
  }
}
