import { expect, it } from 'vitest';
import { Child } from './lab/child.ts';
import { audioOf, type Frame, frames, record, videoOf } from './lab/ffmpeg.ts';
import { serveFiles } from './lab/file-server.ts';
import { makeFiles } from './lab/four-files.ts';
import { Millrace } from './lab/millrace.ts';
import { Nginx } from './lab/nginx.ts';
import { Place } from './lab/place.ts';
import { until } from './lab/wait.ts';

const START_INDEX = 1;
const START_SECONDS = 2;
const ROUNDS = 3;
const FRAME_MS = 40;
/** Of the file it starts in. */
const GOP_MS = 1_000;

/** A part of what must be seen: a file's frames from some time on. */
interface Part {
  readonly video: readonly Frame[];
  readonly audio: readonly Frame[];
}

/**
 * Pictures are compared as they are decoded, because a remuxed picture has other bytes, but with the times they are
 * carried with, which a decoder rounds; sound as it is carried.
 */
async function partOf(file: string): Promise<Part> {
  const [decoded, carried] = await Promise.all([frames(file, 'decode'), frames(file, 'copy')]);
  const times = videoOf(carried).map(({ pts }) => pts);
  times.sort((a, b) => a - b);
  const video = videoOf(decoded).map((frame, i) => ({ ...frame, pts: times[i] ?? Number.NaN }));
  return { video, audio: audioOf(carried) };
}

/** The part from its first picture that was seen on: a key frame in front of the second asked for. */
function seenOf(part: Part, whole: Part): Part {
  const video = part.video.slice(part.video.findIndex(({ hash }) => hash === whole.video[0]?.hash));
  return { video, audio: part.audio.slice(part.audio.findIndex(({ hash }) => hash === whole.audio[0]?.hash)) };
}

async function decodeErrors(file: string): Promise<string> {
  const child = new Child('ffmpeg', ['-v', 'error', '-nostdin', '-i', file, '-f', 'null', '-']);
  await child.drained;
  return child.output;
}

/** How far sound and picture have moved against each other in one part. */
function driftMs(wanted: Part, got: Part): number {
  const moved = (want: readonly Frame[], have: readonly Frame[]): number[] =>
    have.map((frame, i) => frame.pts - (want[i]?.pts ?? Number.NaN));
  const video = moved(wanted.video, got.video);
  const audio = moved(wanted.audio, got.audio);
  return Math.max(Math.max(...audio) - Math.min(...video), Math.max(...video) - Math.min(...audio));
}

it('plays MP4, FLV and HLS for three rounds from an index and a second on, frame for frame, in one push', async () => {
  await using place = new Place();
  const { made, names } = await makeFiles(place.dir);
  const base = await serveFiles(place, place.dir);
  const nginx = await Nginx.start(place);
  const millrace = await Millrace.start(place);
  const recording = place.path('out.flv');
  const recorder = record(place, nginx.url('out'), recording, { quietSeconds: 8 });
  await until('the recorder is there', async () => (await nginx.streams()).has('out'));
  const answer = await millrace.huawei.call({
    method: 'POST',
    body: {
      source_type: 'PullVodPushLive',
      source_urls: names.map(name => `${base}/${name}`),
      destination_url: nginx.url('out'),
      vod_loop_time: String(ROUNDS),
      vod_start_video_index: START_INDEX,
      vod_start_video_time: START_SECONDS,
    },
  });
  expect(answer.body, JSON.stringify(answer.body)).toHaveProperty('task_id');
  const taskId: string = answer.body.task_id;
  await until('the task runs', async () => (await millrace.huawei.status(taskId)) === 'running');
  const pusher = await nginx.publisherOf('out');
  await until('all rounds are played', async () => (await millrace.huawei.status(taskId)) !== 'running', {
    timeoutMs: 90_000,
    everyMs: 250,
  });
  // It ends by itself, with all it has got.
  await recorder.exited;

  expect(await decodeErrors(recording)).toBe('');
  const parts = await Promise.all(made.map(partOf));
  const whole = await partOf(recording);
  const started = parts[START_INDEX] as Part;
  const first = seenOf(started, whole);
  const startMs = (first.video[0]?.pts ?? 0) - (started.video[0]?.pts ?? 0);
  expect(startMs).toBeLessThanOrEqual(START_SECONDS * 1000);
  expect(startMs).toBeGreaterThanOrEqual(START_SECONDS * 1000 - GOP_MS);
  const all = Array.from({ length: ROUNDS * parts.length }, (_, i) => parts[i % parts.length] as Part);
  const wanted = [first, ...all.slice(START_INDEX + 1)];
  const got = cut(whole, wanted);
  const count = wanted.reduce((sum, { video }) => sum + video.length, 0);
  expect(whole.video.length).toBe(count);
  for (const [i, part] of wanted.entries()) {
    const seen = got[i] as Part;
    const hashes = (list: readonly Frame[]): string[] => list.map(({ hash }) => hash);
    expect(hashes(seen.video), `pictures of part ${i}`).toEqual(hashes(part.video));
    expect(hashes(seen.audio), `sound of part ${i}`).toEqual(hashes(part.audio));
    expect(driftMs(part, seen), `drift in part ${i}`).toBeLessThanOrEqual(FRAME_MS);
  }
  const steps = whole.video.slice(1).map((frame, i) => frame.pts - (whole.video[i]?.pts ?? 0));
  expect(Math.min(...steps)).toBeGreaterThan(0);
  console.log(
    `${count} pictures, drift ${Math.max(...wanted.map((part, i) => driftMs(part, got[i] as Part)))} ms, ` +
      `longest step ${Math.max(...steps)} ms, pushed by ${pusher}`,
  );
});

/** The recording in pieces as long as what was wanted. */
function cut(whole: Part, wanted: readonly Part[]): Part[] {
  let [videoAt, audioAt] = [0, 0];
  return wanted.map(({ video, audio }) => {
    const part = {
      video: whole.video.slice(videoAt, videoAt + video.length),
      audio: whole.audio.slice(audioAt, audioAt + audio.length),
    };
    videoAt += video.length;
    audioAt += audio.length;
    return part;
  });
}
