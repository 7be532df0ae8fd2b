import { expect, test } from 'vitest';

import { DemoScreen } from '../../src/cli/demo-screen.ts';

function screenOn(isTTY: boolean): { readonly screen: DemoScreen; readonly written: string[] } {
  const written: string[] = [];
  const write = (text: string): unknown => written.push(text);
  return { screen: new DemoScreen({ write, isTTY }), written };
}

test('on a terminal the bar is drawn over itself until a line follows', () => {
  const { screen, written } = screenOn(true);
  screen.progress({ done: 500, total: 1000, note: '' });
  screen.progress({ done: 1000, total: 1000, note: 'done' });
  screen.line('next');
  expect(written).toHaveLength(4);
  expect(written[0]).toMatch(/^\r.*█{15}░{15} 500 of 1,000/);
  expect(written[1]).toMatch(/█{30} 1,000 of 1,000 {2}done$/);
  expect(written.slice(2)).toEqual(['\n', 'next\n']);
});

test('elsewhere it is a line for each tenth', () => {
  const { screen, written } = screenOn(false);
  for (let done = 0; done <= 1000; done += 25) screen.progress({ done, total: 1000, note: '' });
  expect(written).toHaveLength(10);
  expect(written.at(-1)).toContain('1,000 of 1,000');
});
