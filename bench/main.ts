import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Place } from '../test/lab/place.ts';
import { live, type Row } from './live.ts';

/** `npm run bench -- [live] [--n 200] [--windows 6] [--seconds 10] [--quick]` */
async function main(): Promise<void> {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      n: { type: 'string', default: '200' },
      windows: { type: 'string', default: '6' },
      seconds: { type: 'string', default: '10' },
      quick: { type: 'boolean', default: false },
    },
  });
  const quick = values.quick === true;
  const options = {
    n: quick ? Math.min(50, Number(values.n)) : Number(values.n),
    windows: quick ? 3 : Number(values.windows),
    windowSeconds: quick ? 5 : Number(values.seconds),
    warmUpSeconds: quick ? 4 : 12,
  };
  await using place = new Place();
  const rows = await live(place, options);
  const text = table(rows, options);
  console.log(text);
  const dir = new URL('./results/', import.meta.url);
  mkdirSync(dir, { recursive: true });
  writeFileSync(
    new URL(`live-${options.n}.json`, dir),
    `${JSON.stringify({ options, machine: machine(), rows }, null, 2)}\n`,
  );
  writeFileSync(new URL(`live-${options.n}.md`, dir), `${text}\n`);
}

function machine(): object {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const ffmpeg = execFileSync('ffmpeg', ['-version'], { encoding: 'utf8' }).split(' ')[2];
  return { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version, ffmpeg, commit };
}

function table(rows: readonly Row[], options: object): string {
  const head =
    '| contender | relays | CPU µs per stream-second | ratio to nginx-rtmp (min–max) | RSS MB | PSS MB | PSS MB a relay | worst stream at the sink |';
  const lines = rows.map(
    row =>
      `| ${row.name} | ${row.relays} | ${row.cpuMicros} | ${row.ratioToNginx} (${row.ratioRange.join('–')}) | ${row.rssMb} | ${row.pssMb} | ${row.pssPerRelayMb} | ${row.worstStream} |`,
  );
  const facts = `Live relays, 720p 2.5 Mbit/s H.264 and AAC, chunk size 4096 at the origin, no TLS, 5 sources out of step, all contenders in the same windows. ${JSON.stringify({ ...options, ...machine() })}`;
  return [facts, '', head, '|---|---|---|---|---|---|---|---|', ...lines].join('\n');
}

await main();
