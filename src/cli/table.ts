/** Columns for people: widths from the contents, cells may hold colour codes. */

export interface Column {
  readonly align?: 'left' | 'right'
}

const GAP = '  '

/** One line for each row, without trailing blanks. Rows may be shorter than the list of columns. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  indent = '',
): string[] {
  const widths = columns.map((_, i) => Math.max(0, ...rows.map(row => visibleWidth(row[i] ?? ''))))
  return rows.map(row => {
    const cells = columns.map((column, i) => pad(row[i] ?? '', widths[i] as number, column.align ?? 'left'))
    return `${indent}${cells.join(GAP)}`.trimEnd()
  })
}

export function pad(text: string, width: number, align: 'left' | 'right'): string {
  const blanks = ' '.repeat(Math.max(0, width - visibleWidth(text)))
  return align === 'left' ? `${text}${blanks}` : `${blanks}${text}`
}

/** Columns on a terminal: code points without colour codes; wide characters count one, and then a column is crooked. */
export function visibleWidth(text: string): number {
  return [...text.replaceAll(/\u001b\[[\d;]*m/g, '')].length
}

/** Text of other programs on its way to a terminal: control characters would move its cursor or worse. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\u0000-\u001f\u007f-\u009f]/g,
    c => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

/** `12,345`: the same everywhere, whatever the locale. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 })
}
