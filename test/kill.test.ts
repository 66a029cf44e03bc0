import { expect, it } from 'vitest';
import { audioOf, type Frame, frames, media, publish, videoOf, watch } from './lab/ffmpeg.ts';
import { Millrace, openSockets, processesOf } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { pass, until } from './lab/wait.ts';

/** A relay on air between two nginx servers, watched at the far end. */
async function onAir(place: Place, options: { loop?: boolean } = {}) {
  const file = await media({ seconds: 120, size: '320x180', videoKbit: 300 });
  const origin = await Nginx.start(place);
  const sink = await Nginx.start(place, { application: 'idle_streams on;' });
  const millrace = await Millrace.start(place);
  const publisher = publish(place, file, origin.url('in'), options);
  const taskId = await millrace.huawei.createLive(origin.url('in'), sink.url('out'));
  await until('the task runs', async () => (await millrace.huawei.status(taskId)) === 'running');
  const player = watch(place, sink.url('out'));
  await until('frames arrive', () => player.seen.length > 100);
  const sockets = openSockets(millrace.data);
  const noneLeaked = () => until('no socket is left over', () => openSockets(millrace.data) <= sockets);
  return { file, origin, sink, millrace, publisher, taskId, player, noneLeaked };
}

/** The longest silence between two frames seen since `from`, in ms. */
function outageMs(seen: readonly Frame[], from: number): number {
  const times = seen.map(frame => frame.at).filter(at => at >= from);
  let longest = 0;
  for (let i = 1; i < times.length; i++) longest = Math.max(longest, (times[i] ?? 0) - (times[i - 1] ?? 0));
  return Math.round(longest);
}

/** Frames of the file between the first and the last one seen that never came. */
async function lostFrames(file: string, seen: readonly Frame[]): Promise<number> {
  const whole = videoOf(await frames(file)).map(frame => frame.hash);
  const got = new Set(videoOf(seen).map(frame => frame.hash));
  const places = whole.flatMap((hash, i) => (got.has(hash) ? [i] : []));
  return (places.at(-1) ?? 0) - (places[0] ?? 0) + 1 - places.length;
}

function strictlyRising(seen: readonly Frame[]): boolean {
  return [videoOf(seen), audioOf(seen)].every(track => {
    const times = track.map(frame => frame.dts);
    return times.every((dts, i) => i === 0 || dts > (times[i - 1] ?? 0));
  });
}

it('keeps the push while the source is killed and comes back', async () => {
  await using place = new Place();
  const { file, origin, sink, millrace, publisher, taskId, player, noneLeaked } = await onAir(place);
  const pusher = await sink.publisherOf('out');
  await publisher.stop('SIGKILL');
  await until('the loss is told', async () => (await millrace.huawei.status(taskId)) === 'retrying');
  const back = performance.now();
  publish(place, file, origin.url('in'));
  await until('it runs again', async () => (await millrace.huawei.status(taskId)) === 'running');
  const count = player.seen.length;
  await until('frames arrive again', () => player.seen.length > count + 50);
  const firstAgain = player.seen[count]?.at ?? 0;
  console.log(
    `source killed: on air ${Math.round(firstAgain - back)} ms after its return, outage ${outageMs(player.seen, 0)} ms`,
  );
  expect(strictlyRising(player.seen)).toBe(true);
  expect(await sink.publisherOf('out')).toBe(pusher);
  expect(firstAgain - back).toBeLessThan(11_000);
  await noneLeaked();
});

it('opens the push again when the destination is killed and comes back', async () => {
  await using place = new Place();
  const { sink, millrace, taskId, noneLeaked } = await onAir(place);
  await sink.kill();
  await until('the loss is told', async () => (await millrace.huawei.status(taskId)) === 'retrying');
  await pass(2_000);
  await sink.restart();
  const back = performance.now();
  const again = watch(place, sink.url('out'));
  await until('frames arrive again', () => again.seen.length > 50, { timeoutMs: 20_000 });
  const firstMs = Math.round((again.seen[0]?.at ?? 0) - back);
  expect(await until('it runs', async () => (await millrace.huawei.status(taskId)) === 'running')).toBe(true);
  console.log(`destination killed: first frame ${firstMs} ms after its return`);
  expect(firstMs).toBeLessThan(11_000);
  await noneLeaked();
});

it('replaces a worker killed with -9 and is back on air within 3 s', async () => {
  await using place = new Place();
  const { file, millrace, taskId, player, noneLeaked } = await onAir(place);
  const workers = processesOf(millrace.data).filter(it => it.command.includes('worker/main'));
  expect(workers.length).toBeGreaterThan(0);
  const at = performance.now();
  for (const worker of workers) process.kill(worker.pid, 'SIGKILL');
  const count = player.seen.length;
  await until('frames arrive again', () => player.seen.length > count + 100);
  const outage = outageMs(player.seen, at - 500);
  console.log(`worker -9: outage ${outage} ms, ${await lostFrames(file, player.seen)} frames lost`);
  expect(outage).toBeLessThanOrEqual(3_000);
  await until('it runs', async () => (await millrace.huawei.status(taskId)) === 'running');
  expect(processesOf(millrace.data).filter(it => it.state === 'Z')).toEqual([]);
  await noneLeaked();
});

it('loses no frame when the control process is killed with -9, and adopts the run after its restart', async () => {
  await using place = new Place();
  const { file, sink, millrace, taskId, player } = await onAir(place);
  const before = processesOf(millrace.data)
    .filter(it => it.command.includes('worker/'))
    .map(it => it.pid);
  const pusher = await sink.publisherOf('out');
  const at = performance.now();
  await millrace.killControl();
  await pass(10_000);
  await millrace.restart();
  await until('it is told as running', async () => (await millrace.huawei.status(taskId)) === 'running');
  await pass(3_000);
  const lost = await lostFrames(file, player.seen);
  console.log(`control -9 for 10 s: ${lost} frames lost, longest gap ${outageMs(player.seen, at)} ms`);
  expect(lost).toBe(0);
  expect(await sink.publisherOf('out')).toBe(pusher);
  const after = processesOf(millrace.data)
    .filter(it => it.command.includes('worker/'))
    .map(it => it.pid);
  expect(after.sort()).toEqual(before.sort());
  await millrace.stop();
  await until('no process is left', () => processesOf(millrace.data).length === 0);
});
