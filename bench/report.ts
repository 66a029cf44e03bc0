import { arrivedWhole, type BenchOptions, type Measured, type Row, rateOf } from './measure.ts';
import type { OwnCounts, StartUp } from './start-up.ts';
import type { Seen } from './verify.ts';

/** What is measured, and what the whole service may cost. */
export interface Subject {
  readonly title: string;
  /** Whose cost is 1. */
  readonly baseline: string;
  /** Below, the price of a service that idles outweighs that of its relays. */
  readonly fewest: number;
  readonly mostRatio: number;
  readonly mostRelayMb?: number;
}

export interface Report extends Measured, OwnCounts {
  readonly subject: Subject;
  readonly startUp: StartUp;
  readonly seen: readonly Seen[];
}

const SERVICE = 1;

/** Where the run, if it is not void, misses what is promised. */
export function failures(report: Report): string[] {
  const failed = report.seen.flatMap(({ name, fault }) => (fault === '' ? [] : [`output ${name}: ${fault}`]));
  for (const row of report.rows) if (row.ours && !arrivedWhole(row)) failed.push(rateOf(row));
  const { ratio = Number.NaN, perRelayMb = Number.NaN, relays = 0 } = report.rows[SERVICE] ?? {};
  const { baseline, fewest, mostRatio, mostRelayMb = Number.POSITIVE_INFINITY } = report.subject;
  if (relays >= fewest && !(ratio <= mostRatio)) failed.push(`the service costs ${ratio} of ${baseline}`);
  if (relays >= fewest && !(perRelayMb <= mostRelayMb)) failed.push(`a relay takes ${perRelayMb} MB`);
  if (report.dropped > 0) failed.push(`${report.dropped} packets were dropped`);
  return failed;
}

export function printReport(report: Report, options: BenchOptions, machine: object): string {
  return [
    `${options.n} ${report.subject.title}, one worker, tick 50 ms; ${options.windows} windows of ${options.windowSeconds} s`,
    factsOf(machine),
    '',
    `| contender | relays | CPU µs per stream-second | of ${report.subject.baseline} (min–max) | RSS MB | PSS MB | MB a relay | worst rate at the sink |`,
    '|---|---|---|---|---|---|---|---|',
    ...report.rows.map(lineOf),
    '',
    `start-up: ${options.n} tasks created in ${report.startUp.created} s, all arriving ${report.startUp.arriving} s after the first call`,
    `own counts: ${report.runs} runs, ${report.dropped} packets dropped`,
    ...report.seen.map(sightOf),
    `machine: at most ${percent(report.busy)} busy, ${percent(report.foreign)} taken by other work; ${report.disturbed} windows disturbed and measured again`,
    ...verdict(report),
  ].join('\n');
}

function verdict(report: Report): string[] {
  if (report.void.length > 0) return report.void.map(why => `VOID: ${why}`);
  const failed = failures(report);
  return failed.length > 0 ? failed.map(why => `FAILED: ${why}`) : ['PASSED'];
}

const lineOf = (row: Row): string =>
  `| ${row.name} | ${row.relays} | ${row.cpuMicros} | ${row.ratio} (${row.ratioRange.join('–')}) | ${row.rssMb} | ${row.pssMb} | ${row.perRelayMb} | ${row.worstRate} |`;

function sightOf({ name, frames, seconds, fault, delay }: Seen): string {
  const whole = fault === '' ? 'whole and in order' : `BROKEN: ${fault}`;
  const late =
    delay === undefined
      ? ''
      : `, later than at the origin by ${delay.p50.toFixed(0)} ms (p95 ${delay.p95.toFixed(0)} ms)`;
  return `output ${name}: ${frames} packets of ${seconds.toFixed(1)} s ${whole}${late}`;
}

const factsOf = (facts: object): string =>
  Object.entries(facts)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

const percent = (part: number): string => `${Math.round(part * 100)} %`;
