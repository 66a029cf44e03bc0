import type { LiveOptions, LiveReport } from './live.ts';
import { arrivedWhole, type Row, rateOf } from './measure.ts';

/** What the whole service may cost, in nginx-rtmp's own. */
const MOST_RATIO = 1;
/** Below, the price of a service that idles outweighs that of its relays. */
const FEWEST_PROMISED = 50;
const SERVICE = 1;

/** Where the run, if it is not void, misses what is promised. */
export function failures(report: LiveReport): string[] {
  const failed = report.seen.flatMap(({ name, fault }) => (fault === '' ? [] : [`output ${name}: ${fault}`]));
  for (const row of report.rows) if (row.ours && !arrivedWhole(row)) failed.push(rateOf(row));
  const { ratioToNginx: ratio = Number.NaN, relays = 0 } = report.rows[SERVICE] ?? {};
  if (relays >= FEWEST_PROMISED && !(ratio <= MOST_RATIO)) failed.push(`the service costs ${ratio} of nginx-rtmp`);
  if (report.dropped > 0) failed.push(`${report.dropped} packets were dropped`);
  return failed;
}

export function printReport(report: LiveReport, options: LiveOptions, machine: object): string {
  return [
    `${options.n} live relays, 720p25 H.264 and AAC at 2.64 Mbit/s, one worker, tick 50 ms; ${options.windows} windows of ${options.windowSeconds} s`,
    factsOf(machine),
    '',
    '| contender | relays | CPU µs per stream-second | of nginx-rtmp (min–max) | RSS MB | PSS MB | MB a relay | worst rate at the sink |',
    '|---|---|---|---|---|---|---|---|',
    ...report.rows.map(lineOf),
    '',
    `start-up: ${options.n} tasks created in ${report.startUp.created} s, all arriving ${report.startUp.arriving} s after the first call`,
    `own counts: ${report.runs} runs, ${report.dropped} packets dropped`,
    ...report.seen.map(
      it =>
        `output ${it.name}: ${it.frames} packets of ${it.seconds.toFixed(1)} s ${it.fault === '' ? 'whole and in order' : `BROKEN: ${it.fault}`}, later than at the origin by ${it.delayP50.toFixed(0)} ms (p95 ${it.delayP95.toFixed(0)} ms)`,
    ),
    `machine: at most ${percent(report.busy)} busy, ${percent(report.foreign)} taken by other work; ${report.disturbed} windows disturbed and measured again`,
    ...verdict(report),
  ].join('\n');
}

function verdict(report: LiveReport): string[] {
  if (report.void.length > 0) return report.void.map(why => `VOID: ${why}`);
  const failed = failures(report);
  return failed.length > 0 ? failed.map(why => `FAILED: ${why}`) : ['PASSED'];
}

const lineOf = (row: Row): string =>
  `| ${row.name} | ${row.relays} | ${row.cpuMicros} | ${row.ratioToNginx} (${row.ratioRange.join('–')}) | ${row.rssMb} | ${row.pssMb} | ${row.perRelayMb} | ${row.worstRate} |`;

const factsOf = (facts: object): string =>
  Object.entries(facts)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

const percent = (part: number): string => `${Math.round(part * 100)} %`;
