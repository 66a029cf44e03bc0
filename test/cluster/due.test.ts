import { it } from 'vitest';
import { figure } from '../faults/figure.ts';
import { eachOf } from '../faults/node.ts';
import { doubledMs } from '../lab/airtime.ts';
import { LabCluster } from '../lab/cluster.ts';
import { Web } from '../lab/counted-files.ts';
import { CountedStream } from '../lab/counted-stream.ts';
import { Oracle, type SeenStream } from '../lab/oracle.ts';
import { flvOf } from '../lab/packets.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';
import { isFull, p50, p99 } from './stage.ts';

const TASKS = isFull ? 1_000 : 150;
const AT_ONCE = 16;
/** Until all are created; a busy machine takes its time. */
const AHEAD_MS = isFull ? 60_000 : 15_000;
const WATCHED_MS = 5_000;

/** Two pictures a second: a thousand of them are watched by one process. */
function tinyFile(seconds: number): Buffer {
  const stream = new CountedStream({ fps: 2, gop: 2, videoKbit: 4, width: 160, height: 96 });
  const pictures = stream.between(0, seconds * 1000).filter(({ kind }) => kind !== 'audio');
  return flvOf([{ kind: 'videoHeader', dtsMs: 0, body: stream.videoHeader }, ...pictures]);
}

it('starts all that is due in one second, spread over the nodes and none twice', { timeout: 300_000 }, async () => {
  await using place = new Place();
  const [cluster, oracle, web] = await Promise.all([LabCluster.start(place), Oracle.start(place), Web.start(place)]);
  const url = web.put('/tiny.flv', tinyFile(30));
  const dueAt = Math.ceil((Date.now() + AHEAD_MS) / 1_000) * 1_000;
  const dueMs = performance.now() + dueAt - Date.now();
  const names = Array.from({ length: TASKS }, (_, i) => `d${i}`);
  const wish = {
    ...{ source_type: 'PullVodPushLive', source_urls: [url], vod_loop_time: '-1' },
    start_time: `${new Date(dueAt).toISOString().slice(0, 19)}Z`,
  };
  await eachOf([...names.entries()], AT_ONCE, ([i, name]) =>
    cluster.node(i % 3).huawei.createLive('', oracle.url(name), wish),
  );
  const aheadMs = dueMs - performance.now();
  if (aheadMs < 2_000) throw new Error(`the tasks were created ${aheadMs} ms ahead of their start, which is too late`);
  const seen = names.map(name => oracle.stream(name));
  const isOn = ({ video }: SeenStream): boolean => video.length > 0;
  await until('all are on air', () => seen.every(isOn), { timeoutMs: aheadMs + 60_000, everyMs: 100 }).catch(error => {
    throw new Error(`${seen.filter(it => !isOn(it)).length} are not on air`, { cause: error });
  });
  const startedMs = seen.map(({ video }) => (video.atMs[0] ?? Number.NaN) - dueMs);
  await pass(WATCHED_MS);

  const decided = await cluster.query(`select at from events where type = 'claimed'`);
  const decidedMs = decided.map(({ at }) => Number(at) - dueAt);
  const shares = await cluster.query('select node, count(*) as tasks from tasks group by node order by node');
  console.log(shares.map(({ node, tasks }) => `${node || 'nobody'}: ${tasks}`).join(', '));
  const name = `${TASKS} tasks due in one second`;
  figure('CLUSTER', `${name}: decided, at most`, Math.max(...decidedMs), {
    unit: 'ms',
    atMost: 1_000,
    busyAtMost: 5_000,
  });
  figure('CLUSTER', `${name}: on air, p50`, p50(startedMs), { unit: 'ms', atMost: 10_000 });
  figure('CLUSTER', `${name}: on air, p99`, p99(startedMs), { unit: 'ms', atMost: 10_000 });
  const twice = seen.filter(stream => stream.pushes.length > 1 || doubledMs(stream) > 0).length;
  figure('CLUSTER', `${name}: started twice`, twice + decided.length - TASKS, { unit: 'tasks', exactly: 0 });
  const most = Math.max(...shares.map(({ tasks }) => Number(tasks)));
  figure('CLUSTER', `${name}: share of the fullest node`, (100 * most) / TASKS, {
    unit: '%',
    atMost: 50,
    busyAtMost: 90,
  });
});
