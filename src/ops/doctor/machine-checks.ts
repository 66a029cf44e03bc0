import { type Check, fail, ok, unseen, warn } from './check.ts';

const MB = 1_000_000;
const OLDEST_NODE = 24;
const FEW_OPEN_FILES = 4_096;
const FEWEST_OPEN_FILES = 1_024;
/** The control process and the origin; then each worker. */
const BASE_BYTES = 250 * MB;
const WORKER_BYTES = 100 * MB;
const MUCH_SWAPPED = 256 * MB;
const LATE_MS = 50;
const VERY_LATE_MS = 500;
const SET_BACK_MS = 60_000;

/** The computer that carries it. */
export const MACHINE_CHECKS: readonly Check[] = [
  {
    name: 'node-version',
    why: 'The program is run as it is written, which older versions of Node do not do.',
    judge: ({ node }) =>
      Number(node.split('.', 1)[0]) >= OLDEST_NODE
        ? ok(`Node ${node}`)
        : fail(`Node ${node}, older than ${OLDEST_NODE}`, 'npm ci'),
  },
  {
    name: 'open-files',
    why: 'Each task on air holds two connections or more; at the limit nothing new can be opened.',
    judge: ({ openFiles }) => {
      if (openFiles === null) return unseen('the limit');
      const found = `at most ${openFiles} files may be open`;
      if (openFiles >= FEW_OPEN_FILES) return ok(found);
      const fix = 'systemctl edit millrace   # [Service] LimitNOFILE=65536';
      return openFiles >= FEWEST_OPEN_FILES ? warn(`${found}, enough for few tasks`, fix) : fail(found, fix);
    },
  },
  {
    name: 'memory',
    why: 'What takes more memory than it is given is ended by the system, with everything on air.',
    judge: ({ memory: { limitBytes }, workers }) => {
      if (limitBytes === null) return unseen('the limit');
      const needed = BASE_BYTES + workers * WORKER_BYTES;
      const found = `${Math.round(limitBytes / MB)} MB`;
      if (limitBytes >= needed) return ok(found);
      return warn(`${found}, less than the ${needed / MB} MB for ${workers} workers`, 'millrace serve --workers 1');
    },
  },
  {
    name: 'swap',
    why: 'Memory that lies on the disk comes too late for a stream that is due now.',
    judge: ({ memory: { swappedBytes } }) => {
      if (swappedBytes === null) return unseen('it');
      const found = `${Math.round(swappedBytes / MB)} MB of the machine are swapped out`;
      return swappedBytes < MUCH_SWAPPED ? ok(found) : warn(found, 'sysctl vm.swappiness=1');
    },
  },
  {
    name: 'processors',
    why: 'Workers beyond the processors there are take turns, and streams stutter.',
    judge: ({ processors, workers }) =>
      workers <= processors
        ? ok(`${processors} for ${workers} workers`)
        : warn(`${processors} for ${workers} workers`, `millrace serve --workers ${processors}`),
  },
  {
    name: 'ticks',
    why: 'Media goes out at every 50 ms: a machine that wakes late sends late.',
    judge: ({ tickLateMs }) => {
      const found = `a timer was late by ${Math.round(tickLateMs)} ms`;
      if (tickLateMs <= LATE_MS) return ok(found);
      return tickLateMs <= VERY_LATE_MS ? warn(found, 'uptime') : fail(found, 'uptime');
    },
  },
  {
    name: 'clock-kept',
    why: 'Starts, ends and signatures go by the clock of the machine; one that nobody keeps goes wrong.',
    judge: ({ clock: { isKept } }) => {
      if (isKept === null) return unseen('who keeps it');
      return isKept ? ok('it is kept by the network') : warn('nothing seems to keep it', 'timedatectl set-ntp true');
    },
  },
  {
    name: 'clock-set',
    why: 'A clock that was set back starts and ends tasks at the wrong time.',
    judge: ({ clock: { behindMs } }) =>
      behindMs <= SET_BACK_MS
        ? ok('it is not behind what was stored last')
        : fail(`it is ${Math.round(behindMs / 1_000)} s behind what was stored last`, 'timedatectl set-ntp true'),
  },
  {
    name: 'time-zones',
    why: 'Times with a zone are shown and read by this data.',
    judge: ({ hasTimeZones }) =>
      hasTimeZones ? ok('they are there') : fail('this Node has no data of time zones', 'npm ci'),
  },
  {
    name: 'console-pages',
    why: 'Without them a browser finds no console.',
    judge: ({ hasConsole }) => (hasConsole ? ok('they are built') : warn('they are not built', 'npm start')),
  },
  {
    name: 'ffmpeg',
    why: 'Matroska, WebM and AVI files are read with it; nothing else needs it.',
    judge: ({ programs: { ffmpeg } }) =>
      ffmpeg === '' ? warn('it is not installed', 'apt-get install ffmpeg') : ok(ffmpeg),
  },
  {
    name: 'srt',
    why: 'SRT is spoken with srt-live-transmit, or with an ffmpeg that knows it.',
    judge: ({ programs: { srt, ffmpeg } }) => {
      if (srt !== '') return ok(srt);
      return ffmpeg === ''
        ? warn('neither srt-live-transmit nor ffmpeg is installed', 'apt-get install srt-tools')
        : ok('ffmpeg stands in for it, where it was built with SRT');
    },
  },
];
