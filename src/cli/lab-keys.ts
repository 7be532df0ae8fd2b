import { unreachable } from '../base/assert.ts';
import { LINK_DELAY_MS_MAX } from '../bus/link.ts';
import type { LinkChange, ZoneName } from '../daemon/operations-target.ts';
import { ZONE_NAMES } from '../daemon/operations-target.ts';
import type { LabState, PairState, RegionState } from './lab-state.ts';

/** Where the user is in the lab's screen. */
export interface KeyState {
  /** Pairs come first, then regions. */
  readonly selected: number;
  readonly mode: KeyMode;
  /** What the last key came to, in words; empty for nothing to say. */
  readonly notice: string;
}

export type KeyMode =
  | { readonly kind: 'rows' }
  | { readonly kind: 'help' }
  /** A delay is being typed for the selected pair. */
  | {
      readonly kind: 'delay';
      readonly pair: Pick<PairState, 'source' | 'target'>;
      readonly bothWays: boolean;
      readonly digits: string;
    };

/** What a key asks of the lab. */
export type LabAction =
  | { readonly kind: 'quit' }
  | {
      readonly kind: 'link';
      readonly source: string;
      readonly target: string;
      readonly change: LinkChange;
    }
  | { readonly kind: 'region'; readonly region: string; readonly verb: Verb }
  | {
      readonly kind: 'zone';
      readonly region: string;
      readonly zone: ZoneName;
      readonly verb: Verb;
    };

type Verb = 'stop' | 'start';

interface Pressed {
  readonly state: KeyState;
  readonly actions: readonly LabAction[];
}

export const KEYS_AT_START: KeyState = { selected: 0, mode: { kind: 'rows' }, notice: '' };

export const KEY_HELP: readonly string[] = [
  'up, down   choose a pair or a region',
  'x, X       cut or heal the link of the pair, one way or both ways',
  'd, D       set the delay of the link, one way or both ways',
  's          stop or start the region',
  'a, b, c    stop or start a zone of the region',
  'q          quit',
];

/** States in which a zone waits to be started. */
const DOWN: readonly string[] = ['stopped', 'failed', 'damaged'];

const DIGITS_MAX = String(LINK_DELAY_MS_MAX).length;

/** What one key does, given what the screen shows. */
export function pressKey(state: KeyState, key: string, lab: LabState): Pressed {
  if (key === 'ctrl-c') return { state, actions: [{ kind: 'quit' }] };
  const quiet = { ...state, notice: '' };
  switch (state.mode.kind) {
    case 'help':
      return only({ ...quiet, mode: { kind: 'rows' } });
    case 'delay':
      return pressInDelay(quiet, state.mode, key);
    case 'rows':
      return pressInRows(quiet, key, lab);
    default:
      return unreachable(state.mode);
  }
}

/** The selected row. */
export function selectedRow(
  { selected }: KeyState,
  lab: LabState,
): { readonly pair?: PairState; readonly region?: RegionState } {
  const pair = lab.pairs[selected];
  if (pair !== undefined) return { pair };
  const region = lab.regions[selected - lab.pairs.length];
  return region === undefined ? {} : { region };
}

const only = (state: KeyState): Pressed => ({ state, actions: [] });

const said = (state: KeyState, notice: string): Pressed => only({ ...state, notice });

function pressInRows(state: KeyState, key: string, lab: LabState): Pressed {
  const rows = lab.pairs.length + lab.regions.length;
  switch (key) {
    case 'q':
      return { state, actions: [{ kind: 'quit' }] };
    case '?':
    case 'h':
      return only({ ...state, mode: { kind: 'help' } });
    case 'up':
    case 'k':
      return only({ ...state, selected: Math.max(0, state.selected - 1) });
    case 'down':
    case 'j':
      return only({ ...state, selected: Math.max(0, Math.min(rows - 1, state.selected + 1)) });
    case 'x':
    case 'X':
    case 'd':
    case 'D':
      return pressOnPair(state, key, lab);
    case 's':
    case 'a':
    case 'b':
    case 'c':
      return pressOnRegion(state, key, lab);
    default:
      return key.length === 1 && key > ' '
        ? said(state, `${key} is no key here; ? helps`)
        : only(state);
  }
}

function pressOnPair(state: KeyState, key: string, lab: LabState): Pressed {
  const { pair } = selectedRow(state, lab);
  if (pair === undefined) return said(state, `${key} is for a pair: choose one`);
  const bothWays = key === key.toUpperCase();
  if (key.toLowerCase() === 'd') {
    const { source, target } = pair;
    return only({
      ...state,
      mode: { kind: 'delay', pair: { source, target }, bothWays, digits: '' },
    });
  }
  const up = !pair.up;
  return {
    state: { ...state, notice: `${way(pair, bothWays)} ${up ? 'healed' : 'cut'}` },
    actions: linkActions(pair, bothWays, { up }),
  };
}

function pressOnRegion(state: KeyState, key: string, lab: LabState): Pressed {
  const { region } = selectedRow(state, lab);
  if (region === undefined) return said(state, `${key} is for a region: choose one`);
  const name = region.region;
  const zone = ZONE_NAMES.find((candidate) => candidate === key);
  if (zone === undefined) {
    const verb = region.running ? 'stop' : 'start';
    return {
      state: { ...state, notice: `${name}: ${verb} asked` },
      actions: [{ kind: 'region', region: name, verb }],
    };
  }
  const view = region.zones.find((candidate) => candidate.zone === zone);
  const verb = view === undefined || DOWN.includes(view.state) ? 'start' : 'stop';
  return {
    state: { ...state, notice: `${name}: ${verb} of zone ${zone} asked` },
    actions: [{ kind: 'zone', region: name, zone, verb }],
  };
}

function pressInDelay(
  state: KeyState,
  mode: Extract<KeyMode, { kind: 'delay' }>,
  key: string,
): Pressed {
  const { pair, bothWays, digits } = mode;
  const rows: KeyState = { ...state, mode: { kind: 'rows' } };
  if (key === 'escape') return only(rows);
  if (key === 'backspace')
    return only({ ...state, mode: { ...mode, digits: digits.slice(0, -1) } });
  if (/^\d$/u.test(key) && digits.length < DIGITS_MAX) {
    return only({ ...state, mode: { ...mode, digits: digits + key } });
  }
  if (key !== 'enter') return only(state);
  if (digits === '') return only(rows);
  const delayMs = Number(digits);
  if (delayMs > LINK_DELAY_MS_MAX) {
    return said(state, `${LINK_DELAY_MS_MAX} ms is the longest delay`);
  }
  return {
    state: { ...rows, notice: `${way(pair, bothWays)} delayed by ${delayMs} ms` },
    actions: linkActions(pair, bothWays, { delayMs }),
  };
}

type Pair = Pick<PairState, 'source' | 'target'>;

const way = ({ source, target }: Pair, bothWays: boolean): string =>
  `${source} ${bothWays ? '<->' : '->'} ${target}`;

function linkActions({ source, target }: Pair, bothWays: boolean, change: LinkChange): LabAction[] {
  const there: LabAction = { kind: 'link', source, target, change };
  return bothWays ? [there, { kind: 'link', source: target, target: source, change }] : [there];
}

const NAMED_KEYS: ReadonlyMap<string, string> = new Map([
  ['\u001B[A', 'up'],
  ['\u001BOA', 'up'],
  ['\u001B[B', 'down'],
  ['\u001BOB', 'down'],
  ['\u001B', 'escape'],
  ['\r', 'enter'],
  ['\n', 'enter'],
  ['\u007F', 'backspace'],
  ['\b', 'backspace'],
  ['\u0003', 'ctrl-c'],
]);

// oxlint-disable-next-line eslint/no-control-regex -- a terminal's keys begin with Escape
const KEY = /\u001B(?:\[[0-9;]*[A-Za-z~]|O[A-Z])|[\s\S]/gu;

/** The keys in what a raw terminal sent at once; keys that are not known here keep their bytes. */
export function keysIn(chunk: string): readonly string[] {
  return (chunk.match(KEY) ?? []).map((key) => NAMED_KEYS.get(key) ?? key);
}
