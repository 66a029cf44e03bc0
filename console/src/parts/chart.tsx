import { useEffect, useRef } from 'preact/hooks';
import { formatNumber, formatTime } from '../format.ts';
import { theme } from '../preferences.ts';
import { t } from '../words.ts';

export interface ChartLine {
  readonly label: string;
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  /** In seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly digits: number;
}

const HEIGHT = 170;
const TABLE_ROWS = 30;

/** Lines over time, and the same as a table. */
export function Chart({ title, times, lines, digits }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<Drawn | undefined>(undefined);
  const shape = `${t('chart.time')} ${lines.map(({ label }) => label).join('|')} ${theme.value}`;
  const data = [[...times], ...lines.map(({ values }) => [...values])];
  const newest = useRef(data);
  newest.current = data;
  useEffect(() => {
    const ending = new AbortController();
    if (box.current !== null) {
      void draw(box.current, lines, ending.signal).then(chart => {
        drawn.current = chart;
        chart?.setData(newest.current);
      });
    }
    return () => {
      ending.abort();
      drawn.current?.destroy();
      drawn.current = undefined;
    };
  }, [shape]);
  useEffect(() => drawn.current?.setData(data));
  return (
    <section class="card chart" aria-label={title}>
      <h2>{title}</h2>
      <div ref={box} aria-hidden="true" />
      <details>
        <summary>{t('chart.table')}</summary>
        <ChartTable times={times} lines={lines} digits={digits} />
      </details>
    </section>
  );
}

interface Drawn {
  setData(data: readonly (readonly (number | null)[])[]): void;
  destroy(): void;
}

async function draw(box: HTMLElement, lines: readonly ChartLine[], signal: AbortSignal): Promise<Drawn | undefined> {
  const { default: UPlot } = await import('uplot');
  if (signal.aborted) return undefined;
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--faint'),
    grid: { stroke: colour('--line'), width: 0.5 },
    ticks: { stroke: colour('--line') },
  };
  const strokes = [colour('--series-1'), colour('--series-2')];
  const chart = new UPlot(
    {
      width: box.clientWidth,
      height: HEIGHT,
      axes: [axis, { ...axis, size: 64 }],
      series: [
        { label: t('chart.time') },
        // The second is broken too, so that the two can be told apart without their colours.
        ...lines.map(({ label }, at) => ({
          label,
          stroke: strokes[at] ?? '',
          width: 1.6,
          dash: at === 1 ? [6, 4] : [],
          points: { show: false },
        })),
      ],
      scales: { y: { range: { min: { pad: 0, hard: 0, mode: 1 }, max: { pad: 0.1, mode: 2 } } } },
    },
    [[], ...lines.map(() => [])],
    box,
  );
  const watcher = new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height: HEIGHT }));
  watcher.observe(box);
  signal.addEventListener('abort', () => watcher.disconnect());
  return {
    setData: data => chart.setData(data.map(column => [...column]) as [number[], ...(number | null)[][]]),
    destroy: () => chart.destroy(),
  };
}

function ChartTable({ times, lines, digits }: Omit<ChartProps, 'title'>) {
  const step = Math.max(1, Math.ceil(times.length / TABLE_ROWS));
  const shown = times.map((time, at) => ({ time, at })).filter(({ at }) => (times.length - 1 - at) % step === 0);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t('chart.table')}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('chart.time')}</th>
            {lines.map(({ label }) => (
              <th key={label} scope="col">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.toReversed().map(({ time, at }) => (
            <tr key={time}>
              <td>{formatTime(time * 1_000)}</td>
              {lines.map(({ label, values }) => (
                <td key={label} class="number">
                  {formatNumber(values[at] ?? null, digits)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
