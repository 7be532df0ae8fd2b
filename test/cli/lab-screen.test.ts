import { expect, test } from 'vitest';

import { KEYS_AT_START, pressKey } from '../../src/cli/lab-keys.ts';
import { lagText, pairLine, regionLine, renderScreen } from '../../src/cli/lab-screen.ts';
import { exampleLab } from '../support/example-lab.ts';

const WIDE = { columns: 100, rows: 30, color: false };

/** The screen after a row of keys. */
function screen(size: Partial<typeof WIDE> = {}, keys = ''): readonly string[] {
  let state = KEYS_AT_START;
  for (const key of keys.split(' ').filter((word) => word !== '')) {
    state = pressKey(state, key, exampleLab).state;
  }
  return renderScreen(exampleLab, state, { ...WIDE, ...size }).map((line) => line.trimEnd());
}

test('a wide terminal shows everything', () => {
  expect(screen()).toMatchInlineSnapshot(`
    [
      "  from to         lag  pending   rec/s     link conflicts  shipping",
      "> east west     1.2 s       56     100    80 ms         3  streaming",
      "  west east         -        -       0      cut         0",
      "",
      "  east ready     a live b catching-up c stopped  http://127.0.0.1:8001",
      "  west stopped   a stopped b stopped c stopped  http://127.0.0.1:8002",
      "",
      "up/down choose  x cut  d delay  s stop  ? help  q quit",
    ]
  `);
});

test('a narrow one leaves columns out from the right', () => {
  const lines = screen({ columns: 45 });
  expect(lines.slice(0, 3)).toMatchInlineSnapshot(`
    [
      "  from to         lag  pending   rec/s",
      "> east west     1.2 s       56     100",
      "  west east         -        -       0",
    ]
  `);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(45);
});

test('a very narrow one cuts names, so that the lag is seen', () => {
  const pairs = exampleLab.pairs.map((pair) => ({
    ...pair,
    source: 'us-east-1',
    target: 'eu-west-1',
  }));
  const lines = renderScreen({ ...exampleLab, pairs }, KEYS_AT_START, { ...WIDE, columns: 27 });
  expect(lines.slice(0, 2)).toEqual(['  from    to            lag', '> us-eas… eu-wes…     1.2 s']);
});

test('however small it is, nothing is wider or higher', () => {
  for (const keys of ['', '?', 'd 1', 'j j j']) {
    for (let size = 1; size < 40; size++) {
      const lines = screen({ columns: size, rows: Math.ceil(size / 3) }, keys);
      expect(lines.length).toBeLessThanOrEqual(Math.ceil(size / 3));
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(size);
    }
  }
});

test('a low terminal keeps the chosen row in sight', () => {
  for (const keys of ['', 'j', 'j j', 'j j j']) {
    expect(screen({ rows: 3 }, keys)[0]).toMatch(/^> /u);
  }
});

test('a delay is typed below', () => {
  expect(screen({}, 'D 8 0').at(-1)).toBe('delay in ms of east <-> west: 80_  (Enter, Escape)');
});

test('help takes the place of the table', () => {
  expect(screen({}, '?')).toMatchInlineSnapshot(`
    [
      "  up, down   choose a pair or a region",
      "  x, X       cut or heal the link of the pair, one way or both ways",
      "  d, D       set the delay of the link, one way or both ways",
      "  s          stop or start the region",
      "  a, b, c    stop or start a zone of the region",
      "  q          quit",
      "",
      "any key goes back",
    ]
  `);
});

test('colours add nothing but colours', () => {
  const colored = renderScreen(exampleLab, KEYS_AT_START, { ...WIDE, color: true });
  // oxlint-disable-next-line eslint/no-control-regex -- colours begin with Escape
  const bare = colored.map((line) => line.replaceAll(/\u001B\[\d+m/gu, '').trimEnd());
  expect(colored.join('')).toContain('\u001B[31mstopped\u001B[0m');
  expect(bare).toEqual(screen());
});

test('a pair and a region fit in one line of text each', () => {
  expect([...exampleLab.pairs.map(pairLine), ...exampleLab.regions.map(regionLine)])
    .toMatchInlineSnapshot(`
    [
      "east -> west  link 80 ms  lag 1.2 s  pending 56  100/s  conflicts 3  streaming",
      "west -> east  link cut  lag -  pending -  0/s  conflicts 0",
      "east  ready  zones a live, b catching-up, c stopped",
      "west  stopped  zones a stopped, b stopped, c stopped",
    ]
  `);
});

test.each([
  [undefined, '-'],
  [0, '0'],
  [0.4, '0 ms'],
  [999.9, '999 ms'],
  [1000, '1.0 s'],
  [59_999, '59.9 s'],
  [60_000, '1m 00s'],
  [3_599_999, '59m 59s'],
  [3_600_000, '1h 00m'],
  [360_000_000, '100h 00m'],
])('a lag of %s ms is shown as %s', (lagMs, text) => {
  expect(lagText(lagMs)).toBe(text);
});
