/** Columns of one width each: those of text to the left, the others to the right. */
export function aligned(
  lines: readonly (readonly string[])[],
  textColumns: readonly number[] = [],
): readonly string[] {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  return lines.map((cells) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return textColumns.includes(column) ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** A dash for what was not measured. */
export const fixed = (value: number | undefined, digits: number): string =>
  value?.toFixed(digits) ?? '-';

export const grouped = (value: number): string => Math.round(value).toLocaleString('en-US');
