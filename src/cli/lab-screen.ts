import type { KeyState } from './lab-keys.ts';
import { KEY_HELP } from './lab-keys.ts';
import type { LabState, PairState, RegionState, ZoneState } from './lab-state.ts';

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
}

/** A piece of a line in one colour. */
interface Span {
  readonly text: string;
  readonly tone?: Tone;
}

type Tone = 'faint' | 'good' | 'warning' | 'bad' | 'chosen';

type Line = readonly Span[];

const TONES: Readonly<Record<Tone, string>> = {
  faint: '2',
  good: '32',
  warning: '33',
  bad: '31',
  chosen: '1',
};

const LAG_WARNING_MS = 1000;

/**
 * The lab's screen, at most `rows` lines of at most `columns` characters (colours not counted). When it is too low
 * for everything, the chosen row stays in sight; when it is too narrow, columns go from the right.
 */
export function renderScreen(lab: LabState, keys: KeyState, size: ScreenSize): readonly string[] {
  const footer = footerOf(keys);
  const body = keys.mode.kind === 'help' ? helpLines() : rowLines(lab, keys, size.columns);
  const shown = windowOf(body, size.rows - footer.length, keys);
  return [...shown, ...footer].slice(-size.rows).map((line) => paint(line, size));
}

/** One pair as a line of a log. */
export function pairLine(pair: PairState): string {
  const parts = [
    `${pair.source} -> ${pair.target}`,
    `link ${linkText(pair)}`,
    `lag ${lagText(pair.lagMs)}`,
    `pending ${pair.pendingRecords ?? '-'}`,
    `${rateText(pair)}/s`,
    `conflicts ${pair.conflicts}`,
    pair.shipping,
  ];
  return parts.filter((part) => part !== '').join('  ');
}

/** One region as a line of a log. */
export function regionLine(view: RegionState): string {
  const { region, zones } = view;
  const zoneTexts = zones.map(({ zone, state }) => `${zone} ${state}`);
  return [region, regionText(view), `zones ${zoneTexts.join(', ')}`].join('  ');
}

interface BodyLine {
  readonly line: Line;
  /** Its place among pairs and regions; undefined for what cannot be chosen. */
  readonly row: number | undefined;
}

const plain = (line: Line): BodyLine => ({ line, row: undefined });

function rowLines(lab: LabState, keys: KeyState, columns: number): readonly BodyLine[] {
  const cells = fitting(lab, columns);
  const pairs = lab.pairs.map((pair, at) => ({
    line: [...mark(keys, at), ...cells.map(({ cell }) => cell(pair))],
    row: at,
  }));
  const width = widest(lab.regions.map(({ region }) => region));
  const regions = lab.regions.map((region, at) => {
    const row = lab.pairs.length + at;
    return { line: [...mark(keys, row), ...regionSpans(region, width)], row };
  });
  const head = [
    { text: '  ' },
    ...cells.map(({ head: text }) => ({ text, tone: 'faint' as const })),
  ];
  return [...(pairs.length > 0 ? [plain(head), ...pairs, plain([])] : []), ...regions];
}

const mark = ({ selected }: KeyState, row: number): Line => [
  row === selected ? { text: '> ', tone: 'chosen' } : { text: '  ' },
];

interface Column {
  readonly head: string;
  readonly cell: (pair: PairState) => Span;
}

const MARK_COLUMNS = 2;
const LAG_COLUMNS = 9;
const NAME_COLUMNS_MIN = 4;

const cut = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, columns - 1)}…`;

/** The columns that there is room for. Names and lag are always there; names are cut for it. */
function fitting(lab: LabState, columns: number): readonly Column[] {
  const room = Math.floor((columns - MARK_COLUMNS - LAG_COLUMNS) / 2) - 1;
  const longest = widest(lab.pairs.flatMap(({ source, target }) => [source, target]));
  const names = Math.max(NAME_COLUMNS_MIN, Math.min(longest, room));
  const all = [
    column('from', -names, ({ source }) => ({ text: cut(source, names) })),
    column('to', -names, ({ target }) => ({ text: cut(target, names) })),
    column('lag', LAG_COLUMNS, (pair) => ({ text: lagText(pair.lagMs), ...toneOf(lagTone(pair)) })),
    column('pending', 9, (pair) => ({ text: String(pair.pendingRecords ?? '-') })),
    column('rec/s', 8, (pair) => ({ text: rateText(pair) })),
    column('link', 9, (pair) => ({ text: linkText(pair), ...toneOf(linkTone(pair)) })),
    column('conflicts', 10, ({ conflicts }) => ({
      text: String(conflicts),
      ...toneOf(conflicts > 0 ? 'warning' : undefined),
    })),
    column('  shipping', -12, ({ shipping }) => ({
      text: `  ${shipping}`,
      ...toneOf(shipping === 'RESYNC' ? 'bad' : 'faint'),
    })),
  ];
  let width = MARK_COLUMNS;
  return all.filter(({ head }, at) => {
    width += head.length;
    return at < 3 || width <= columns;
  });
}

/** A column as wide as `width`, aligned to the right; negative is to the left, with a gap after it. */
function column(head: string, width: number, cell: (pair: PairState) => Span): Column {
  const fit = (text: string): string =>
    width < 0 ? `${text.padEnd(-width)} ` : ` ${text.padStart(width - 1)}`;
  return {
    head: fit(head),
    cell: (pair) => {
      const span = cell(pair);
      return { ...span, text: fit(span.text) };
    },
  };
}

function regionSpans(state: RegionState, width: number): Line {
  const { region, endpoint, ready, zones } = state;
  return [
    { text: `${region.padEnd(width)} ` },
    { text: regionText(state).padEnd(NOT_READY.length), tone: ready ? 'good' : 'bad' },
    ...zones.flatMap((zone) => [
      { text: ` ${zone.zone} ` },
      { text: zone.state, ...toneOf(zoneTone(zone)) },
    ]),
    { text: `  ${endpoint}`, tone: 'faint' },
  ];
}

function footerOf({ mode, notice }: KeyState): readonly Line[] {
  const first: Span = { text: notice, tone: 'warning' };
  if (mode.kind === 'help') return [[first], [{ text: 'any key goes back', tone: 'faint' }]];
  if (mode.kind === 'rows') {
    return [
      [first],
      [{ text: 'up/down choose  x cut  d delay  s stop  ? help  q quit', tone: 'faint' }],
    ];
  }
  const { source, target } = mode.pair;
  const way = mode.bothWays ? '<->' : '->';
  return [
    [first],
    [{ text: `delay in ms of ${source} ${way} ${target}: ${mode.digits}_  (Enter, Escape)` }],
  ];
}

const helpLines = (): readonly BodyLine[] => KEY_HELP.map((text) => plain([{ text: `  ${text}` }]));

/** As many lines as there is room for, with the chosen one among them. */
function windowOf(body: readonly BodyLine[], room: number, keys: KeyState): readonly Line[] {
  const rows = Math.max(0, room);
  const chosen = Math.max(
    0,
    body.findIndex(({ row }) => row === keys.selected),
  );
  const from = Math.max(0, Math.min(chosen - Math.floor(rows / 2), body.length - rows));
  return body.slice(from, from + rows).map(({ line }) => line);
}

function paint(line: Line, { columns, color }: ScreenSize): string {
  let left = columns;
  let painted = '';
  for (const { text, tone } of line) {
    const shown = text.slice(0, left);
    left -= shown.length;
    const bare = !color || tone === undefined || shown.trim() === '';
    painted += bare ? shown : `\u001B[${TONES[tone]}m${shown}\u001B[0m`;
  }
  return painted;
}

const widest = (texts: readonly string[]): number =>
  Math.max(0, ...texts.map(({ length }) => length));

const toneOf = (tone: Tone | undefined): { readonly tone?: Tone } =>
  tone === undefined ? {} : { tone };

const lagTone = ({ lagMs }: PairState): Tone | undefined =>
  lagMs !== undefined && lagMs >= LAG_WARNING_MS ? 'warning' : undefined;

function linkTone({ up, delayMs }: PairState): Tone | undefined {
  if (!up) return 'bad';
  return delayMs > 0 ? 'warning' : 'good';
}

const NOT_READY = 'not ready';

function regionText({ running, ready }: RegionState): string {
  if (!running) return 'stopped';
  return ready ? 'ready' : NOT_READY;
}

/** States in which a zone is on its way to live. */
const RETURNING: readonly string[] = ['starting', 'catching-up', 'learner', 'rebuilding'];

function zoneTone({ state }: ZoneState): Tone {
  if (state === 'live') return 'good';
  return RETURNING.includes(state) ? 'warning' : 'bad';
}

function linkText({ up, delayMs }: PairState): string {
  if (!up) return 'cut';
  return delayMs > 0 ? `${delayMs} ms` : 'up';
}

const rateText = ({ recordsPerSecond }: PairState): string =>
  Math.round(recordsPerSecond).toFixed(0);

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** `0`, `87 ms`, `1.2 s`, `2m 05s`, `1h 02m`; `-` when there is none. */
export function lagText(lagMs: number | undefined): string {
  if (lagMs === undefined) return '-';
  if (lagMs === 0) return '0';
  if (lagMs < SECOND_MS) return `${Math.floor(lagMs)} ms`;
  if (lagMs < MINUTE_MS) return `${(Math.floor(lagMs / 100) / 10).toFixed(1)} s`;
  if (lagMs < HOUR_MS)
    return `${Math.floor(lagMs / MINUTE_MS)}m ${two((lagMs % MINUTE_MS) / SECOND_MS)}s`;
  return `${Math.floor(lagMs / HOUR_MS)}h ${two((lagMs % HOUR_MS) / MINUTE_MS)}m`;
}

const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
