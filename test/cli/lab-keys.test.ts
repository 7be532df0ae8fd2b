import { expect, test } from 'vitest';

import type { KeyState, LabAction } from '../../src/cli/lab-keys.ts';
import { KEYS_AT_START, keysIn, pressKey, selectedRow } from '../../src/cli/lab-keys.ts';
import { exampleLab } from '../support/example-lab.ts';

interface Played {
  readonly state: KeyState;
  readonly actions: readonly LabAction[];
}

/** What a row of keys comes to; words are single keys. */
function play(keys: string): Played {
  let state = KEYS_AT_START;
  const actions: LabAction[] = [];
  for (const key of keys.split(' ')) {
    const pressed = pressKey(state, key, exampleLab);
    state = pressed.state;
    actions.push(...pressed.actions);
  }
  return { state, actions };
}

test.each([
  ['up', 0],
  ['down', 1],
  ['j j k', 1],
  ['down down down down down down', 3],
])('%s chooses row %i', (keys, selected) => {
  expect(play(keys)).toMatchObject({ state: { selected }, actions: [] });
});

test('rows are pairs, then regions', () => {
  expect(selectedRow(play('down').state, exampleLab).pair?.source).toBe('west');
  expect(selectedRow(play('j j').state, exampleLab).region?.region).toBe('east');
});

const link = (source: string, target: string, change: object): object => ({
  kind: 'link',
  source,
  target,
  change,
});

test.each([
  ['x', [link('east', 'west', { up: false })]],
  ['down x', [link('west', 'east', { up: true })]],
  ['X', [link('east', 'west', { up: false }), link('west', 'east', { up: false })]],
  ['d 8 0 enter', [link('east', 'west', { delayMs: 80 })]],
  ['d 8 5 backspace enter', [link('east', 'west', { delayMs: 8 })]],
  ['D 0 enter', [link('east', 'west', { delayMs: 0 }), link('west', 'east', { delayMs: 0 })]],
  ['d 8 down enter', [link('east', 'west', { delayMs: 8 })]],
  ['d 8 escape', []],
  ['d enter', []],
  ['d 9 9 9 9 9 enter', []],
  ['d q x', []],
  ['s', []],
  ['j j x', []],
  ['j j s', [{ kind: 'region', region: 'east', verb: 'stop' }]],
  ['j j j s', [{ kind: 'region', region: 'west', verb: 'start' }]],
  ['j j a', [{ kind: 'zone', region: 'east', zone: 'a', verb: 'stop' }]],
  ['j j b', [{ kind: 'zone', region: 'east', zone: 'b', verb: 'stop' }]],
  ['j j c', [{ kind: 'zone', region: 'east', zone: 'c', verb: 'start' }]],
  ['q', [{ kind: 'quit' }]],
  ['ctrl-c', [{ kind: 'quit' }]],
  ['d ctrl-c', [{ kind: 'quit' }]],
  ['? q', []],
])('%s asks for %j', (keys, actions) => {
  expect(play(keys).actions).toEqual(actions);
});

test('a delay that is too long stays to be corrected', () => {
  const { state } = play('d 9 9 9 9 9 enter');
  expect(state.mode.kind).toBe('delay');
  expect(state.notice).toBe('60000 ms is the longest delay');
});

test('no more digits are taken than the longest delay has', () => {
  expect(play('d 1 2 3 4 5 6 7').state.mode).toMatchObject({ digits: '12345' });
});

test('a key that does nothing here says so, and the next one takes it back', () => {
  expect(play('s').state.notice).toBe('s is for a region: choose one');
  expect(play('j j x').state.notice).toBe('x is for a pair: choose one');
  expect(play('z').state.notice).toBe('z is no key here; ? helps');
  expect(play('z down').state.notice).toBe('');
});

test('help goes with any key', () => {
  expect(play('?').state.mode.kind).toBe('help');
  expect(play('? x').state.mode.kind).toBe('rows');
});

test('nothing is chosen in a lab without rows', () => {
  const { state, actions } = pressKey(KEYS_AT_START, 'x', { regions: [], pairs: [] });
  expect(state.notice).toBe('x is for a pair: choose one');
  expect(actions).toEqual([]);
  expect(pressKey(KEYS_AT_START, 'down', { regions: [], pairs: [] }).state.selected).toBe(0);
});

test.each([
  ['\u001B[A', ['up']],
  ['\u001BOB', ['down']],
  ['\u001B', ['escape']],
  ['x\u001B[Bq', ['x', 'down', 'q']],
  ['80\r', ['8', '0', 'enter']],
  ['\u0003\u007F', ['ctrl-c', 'backspace']],
  ['\u001B[1;5C', ['\u001B[1;5C']],
  ['', []],
])('%j is the keys %j', (chunk, keys) => {
  expect(keysIn(chunk)).toEqual(keys);
});
