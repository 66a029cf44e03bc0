/** What a test printed of a row of the fault matrix: see test/faults/figure.ts. */
export interface Figure {
  readonly row: string;
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** As printed: a number that is to be met, or one or two bounds. */
  readonly goal: string;
}

const LINE = /FIGURE (\w+) (.+): (-?[\d.]+) (\S+) \(goal (.+)\)$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: this is how terminals are told of colours
const COLOURS = /\u001b\[[\d;]*m/g;

export function readFigure(line: string): Figure | undefined {
  const [, row, name, value, unit, goal] = LINE.exec(line.replace(COLOURS, '').trimEnd()) ?? [];
  if (row === undefined || name === undefined || unit === undefined || goal === undefined) return undefined;
  return { row, name, value: Number(value), unit, goal };
}

export function isReached({ value, goal }: Figure): boolean {
  return goal.split(', ').every(bound => {
    const [, sign, number] = /^(<=|>=)? ?(-?[\d.]+)$/.exec(bound) ?? [];
    if (sign === '<=') return value <= Number(number);
    return sign === '>=' ? value >= Number(number) : value === Number(number);
  });
}

/** By row, as the matrix orders them: S2 in front of S10. */
export function inOrder(figures: readonly Figure[]): Figure[] {
  const place = ({ row }: Figure): [number, number] => [GROUPS.indexOf(row[0] ?? ''), Number(row.slice(1))];
  return [...figures].sort((one, other) => {
    const [[group, number], [otherGroup, otherNumber]] = [place(one), place(other)];
    return group - otherGroup || number - otherNumber;
  });
}

const GROUPS = 'SDNTHPC';
