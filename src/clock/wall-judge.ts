import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { BelievedTime } from './hybrid-clock.ts';
import type { OffsetEstimate } from './offset.ts';

/** A wall clock further than this from where it should be is not believed. */
export const WALL_TOLERANCE_MS = 400;
/** How far the monotonic clock and a wall clock that is being slewed may drift apart: 1000 ppm. */
const DRIFT_PER_MS = 0.001;
/** A peer not heard of for so long says nothing any more. */
const PEER_SILENCE_MS_MAX = 300_000;
/** Peers are asked at most so often: the wall clock is read with every write. */
export const VERDICT_MS = 100;
/** A pause between the readings of two clocks looks like a jump; a jump is still there when looked at again. */
const READINGS_MAX = 3;

/**
 * Whether the wall clock is believed. `jumped`: it stands `byMs` from where the monotonic clock says that it
 * should be. `disagrees`: it stands `byMs` from the nearer of two peers that agree. Positive is ahead. An alarm.
 */
export type WallState =
  | { readonly kind: 'believed' }
  | { readonly kind: 'jumped' | 'disagrees'; readonly byMs: number };

const BELIEVED: WallState = { kind: 'believed' };

interface PeerReading extends OffsetEstimate {
  readonly measuredMonotonicMs: number;
}

/** A moment at which the wall clock was believed, on both clocks. */
interface Moment {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/**
 * Decides from reading to reading whether the wall clock is to be believed. While it is, that is the time; when it
 * jumps against the monotonic clock, or stands too far from two peers that agree, time goes on from the last
 * believed moment by the monotonic clock.
 *
 * It is believed again as soon as two agreeing peers stand near it, and, after a jump that no peers speak
 * against, when it is back where the monotonic clock says. Time may go back then: `HybridClock` does not. Two
 * peers that agree also vouch for a wall clock that jumped rightly, as after a machine slept. A region that has
 * no two peers to ask believes such a jump only after a restart.
 *
 * Readings and peers are compared on the monotonic clock, so that no jump of this wall clock falsifies what was
 * measured before. One peer alone proves nothing: either may be wrong.
 */
export class WallJudge implements BelievedTime {
  readonly #clock: Clock;
  readonly #onChange: (state: WallState) => void;
  readonly #peers = new Map<string, PeerReading>();
  #anchor: Moment;
  #state: WallState = BELIEVED;
  #judgedMonotonicMs = Number.NEGATIVE_INFINITY;

  /** `onChange` is called whenever the kind of the state changes, from within the reading that noticed it. */
  constructor(clock: Clock, onChange: (state: WallState) => void = () => {}) {
    this.#clock = clock;
    this.#onChange = onChange;
    this.#anchor = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
  }

  /** As of the last reading. */
  get state(): WallState {
    return this.#state;
  }

  /** Milliseconds since 1970. It goes back only when the wall clock is believed again, or is set back a little. */
  believedMs(): number {
    const monotonicMs = this.#clock.monotonicMs();
    const wallMs = this.#clock.wallMs();
    const quiet =
      this.#state === BELIEVED &&
      this.#jumpMs({ wallMs, monotonicMs }) === undefined &&
      monotonicMs - this.#judgedMonotonicMs < VERDICT_MS;
    if (quiet) {
      this.#anchor = { wallMs, monotonicMs };
      return wallMs;
    }
    return this.#judge();
  }

  /**
   * What was last measured of a peer (see `OffsetWindow`): its wall clock less this region's **monotonic** clock.
   */
  peerOffset(peer: string, estimate: OffsetEstimate): void {
    const { offsetMs, errorMs } = estimate;
    assert(Number.isFinite(offsetMs) && errorMs >= 0, 'an offset needs an error bound');
    this.#peers.set(peer, { offsetMs, errorMs, measuredMonotonicMs: this.#clock.monotonicMs() });
    this.#judgedMonotonicMs = Number.NEGATIVE_INFINITY;
  }

  /** A peer that is none any more. */
  forgetPeer(peer: string): void {
    this.#peers.delete(peer);
  }

  /** How far a peer's wall clock is ahead of this region's as they stand now; undefined when not measured lately. */
  offsetOf(peer: string): OffsetEstimate | undefined {
    const monotonicMs = this.#clock.monotonicMs();
    const reading = this.#peers.get(peer);
    if (reading === undefined) return undefined;
    const silenceMs = monotonicMs - reading.measuredMonotonicMs;
    if (silenceMs > PEER_SILENCE_MS_MAX) return undefined;
    return {
      offsetMs: reading.offsetMs + monotonicMs - this.#clock.wallMs(),
      errorMs: reading.errorMs + silenceMs * DRIFT_PER_MS,
    };
  }

  #judge(): number {
    const moment = this.#read();
    this.#judgedMonotonicMs = moment.monotonicMs;
    const state = this.#stateAt(moment);
    const changed = state.kind !== this.#state.kind;
    this.#state = state;
    if (state === BELIEVED) this.#anchor = moment;
    if (changed) this.#onChange(state);
    return this.#heldMs(moment.monotonicMs);
  }

  /** Both clocks, read again while they show a jump that a pause of the process may have made. */
  #read(): Moment {
    let moment: Moment;
    let readings = 0;
    do {
      moment = { monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.wallMs() };
    } while (++readings < READINGS_MAX && this.#jumpMs(moment) !== undefined);
    return moment;
  }

  #stateAt(moment: Moment): WallState {
    const peersApartMs = this.#apartFromPeersMs(moment);
    if (peersApartMs === 0) return BELIEVED;
    const disagreed = this.#state.kind === 'disagrees';
    const jumpMs = this.#jumpMs(moment);
    if (jumpMs !== undefined && !disagreed) return { kind: 'jumped', byMs: jumpMs };
    if (peersApartMs !== undefined) return { kind: 'disagrees', byMs: peersApartMs };
    return disagreed ? this.#state : BELIEVED;
  }

  /** Where the monotonic clock says that the wall clock should be. */
  #heldMs(monotonicMs: number): number {
    return this.#anchor.wallMs + (monotonicMs - this.#anchor.monotonicMs);
  }

  /** How far the wall clock stands from there, if that is too far. */
  #jumpMs({ wallMs, monotonicMs }: Moment): number | undefined {
    const apartMs = wallMs - this.#heldMs(monotonicMs);
    const driftMs = (monotonicMs - this.#anchor.monotonicMs) * DRIFT_PER_MS;
    return Math.abs(apartMs) > WALL_TOLERANCE_MS + driftMs ? apartMs : undefined;
  }

  /**
   * 0 when two peers that agree stand near the wall clock; how far it is from the nearer of two that agree when it
   * is far from both; undefined when no two peers agree, or those that do leave it open.
   */
  #apartFromPeersMs({ wallMs, monotonicMs }: Moment): number | undefined {
    const peers = [...this.#peers.values()]
      .filter((peer) => monotonicMs - peer.measuredMonotonicMs <= PEER_SILENCE_MS_MAX)
      .map((peer) => {
        const apartMs = wallMs - (peer.offsetMs + monotonicMs);
        const silenceMs = monotonicMs - peer.measuredMonotonicMs;
        return { apartMs, allowedMs: WALL_TOLERANCE_MS + peer.errorMs + silenceMs * DRIFT_PER_MS };
      });
    let farMs: number | undefined;
    for (const [at, one] of peers.entries()) {
      for (const other of peers.slice(at + 1)) {
        const errorMs = one.allowedMs + other.allowedMs - WALL_TOLERANCE_MS;
        if (Math.abs(one.apartMs - other.apartMs) > errorMs) continue;
        const far = [one, other].filter((peer) => Math.abs(peer.apartMs) > peer.allowedMs);
        if (far.length === 0) return 0;
        if (far.length === 2 && one.apartMs > 0 === other.apartMs > 0) {
          farMs = nearer(nearer(one.apartMs, other.apartMs), farMs);
        }
      }
    }
    return farMs;
  }
}

const nearer = (aMs: number, bMs: number | undefined): number =>
  bMs === undefined || Math.abs(aMs) <= Math.abs(bMs) ? aMs : bMs;
