import type { Frame } from './cpu-profile.ts';

const WIDTH = 1600;
const ROW = 18;
const CHARACTER = 6.5;
/** What is narrower than this many pixels is not drawn. */
const NARROWEST = 0.5;
const TITLE_ROWS = 2;

/** A flame graph as a page of its own, without scripts: what is called stands on what calls it, wide as it is dear. */
export function flameGraphPage(title: string, root: Frame): string {
  const boxes: string[] = [];
  let deepest = 0;
  const draw = (frame: Frame, depth: number, left: number): void => {
    const width = (frame.totalMs / root.totalMs) * WIDTH;
    if (width < NARROWEST) return;
    deepest = Math.max(deepest, depth);
    boxes.push(box(frame, { depth, left, width, share: frame.totalMs / root.totalMs }));
    let at = left;
    for (const child of frame.children.toSorted((a, b) => b.totalMs - a.totalMs)) {
      draw(child, depth + 1, at);
      at += (child.totalMs / root.totalMs) * WIDTH;
    }
  };
  draw(root, 0, 0);
  const height = (deepest + 1 + TITLE_ROWS) * ROW;
  return [
    '<!doctype html>',
    `<meta charset="utf-8"><title>${escaped(title)}</title>`,
    '<style>body{margin:8px;font:12px monospace}rect{stroke:#fff}text{pointer-events:none}</style>',
    `<p>${escaped(title)}; the pointer on a box tells its function and share.</p>`,
    `<svg width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">`,
    ...boxes,
    '</svg>',
    '',
  ].join('\n');
}

interface Box {
  readonly depth: number;
  readonly left: number;
  readonly width: number;
  readonly share: number;
}

function box({ name, selfMs, totalMs }: Frame, { depth, left, width, share }: Box): string {
  const top = depth * ROW;
  const characters = Math.floor(width / CHARACTER) - 1;
  const label = characters < 3 ? '' : escaped(name.slice(0, characters));
  const told = `${name}: ${(share * 100).toFixed(1)} %, ${totalMs.toFixed(0)} ms, ${selfMs.toFixed(0)} ms of its own`;
  return [
    `<g><title>${escaped(told)}</title>`,
    `<rect x="${left.toFixed(1)}" y="${top}" width="${width.toFixed(1)}" height="${ROW}" fill="${colour(name)}"/>`,
    label === '' ? '' : `<text x="${(left + 3).toFixed(1)}" y="${top + 13}">${label}</text>`,
    '</g>',
  ].join('');
}

/** The same for the same function; what belongs to Tidemark is warm, all else is blue. */
function colour(name: string): string {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 997;
  const isOwn =
    / (api|base|bus|clock|daemon|expression|log|model|partition|region|replication|storage|streams|telemetry|embedded|operations)\//.test(
      name,
    );
  return `hsl(${isOwn ? 10 + (hash % 45) : 200 + (hash % 30)} 80% ${70 + (hash % 12)}%)`;
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
