import { useSignal } from '@preact/signals';
import type { ComponentChildren, TargetedEvent } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface VirtualRowsProps<T> {
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly label: string;
  readonly head: ComponentChildren;
  /** The cells of a row. */
  readonly cells: (row: T) => ComponentChildren;
}

const ROW = { wide: 40, narrow: 76 } as const;
const NARROW = matchMedia('(max-width: 800px)');
/** Drawn beyond what is seen, so that a fast wheel meets no blank. */
const SPARE = 8;

/** Draws what is in view and a little more, so that ten thousand rows cost no more than forty. */
export function VirtualRows<T>({ rows, keyOf, label, head, cells }: VirtualRowsProps<T>) {
  const box = useRef<HTMLDivElement>(null);
  const first = useSignal(0);
  const height = useSignal(600);
  const isNarrow = useSignal(NARROW.matches);
  const rowHeight = isNarrow.value ? ROW.narrow : ROW.wide;
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const watcher = new ResizeObserver(() => {
      height.value = element.clientHeight;
      isNarrow.value = NARROW.matches;
    });
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);
  const count = Math.ceil(height.value / rowHeight) + 2 * SPARE;
  const from = Math.max(0, Math.min(first.value, rows.length - count));
  const onScroll = (event: TargetedEvent<HTMLDivElement>): void => {
    // In steps, so that most of the scrolling moves pixels only.
    const row = Math.floor(event.currentTarget.scrollTop / rowHeight) - SPARE;
    first.value = Math.max(0, row - (row % 4));
  };
  return (
    <div
      class="virtual"
      ref={box}
      onScroll={onScroll}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      tabIndex={0}
    >
      <div class="virtual-row virtual-head" role="row" aria-rowindex={1}>
        {head}
      </div>
      <div class="virtual-space" role="rowgroup" style={{ height: `${Math.max(rows.length * rowHeight, 1)}px` }}>
        {rows.slice(from, from + count).map((row, at) => (
          <Row key={keyOf(row)} row={row} at={from + at} height={rowHeight} cells={cells} />
        ))}
      </div>
    </div>
  );
}

interface RowProps<T> extends Pick<VirtualRowsProps<T>, 'cells'> {
  readonly row: T;
  readonly at: number;
  readonly height: number;
}

/** A component, so that one that stays as it is costs a frame of scrolling nothing. */
function Row<T>({ row, at, height, cells }: RowProps<T>) {
  return (
    <div
      class="virtual-row"
      role="row"
      aria-rowindex={at + 2}
      style={{ top: `${at * height}px`, height: `${height}px` }}
    >
      {cells(row)}
    </div>
  );
}
