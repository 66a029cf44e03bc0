import type { Command } from 'commander';
import type { Probed, ProbedAudio, ProbedVideo } from './doors.ts';
import type { World } from './program.ts';

interface Flags {
  readonly push?: boolean;
  readonly json?: boolean;
  readonly media?: string;
}

const EXAMPLES = `
Examples:
  millrace probe rtmp://origin.example/live/news
  millrace probe --json https://files.example/film.mp4
  millrace probe --push rtmp://platform.example/app/KEY
`;

export function addProbe(program: Command, { terminal, doors, signal }: World): void {
  program
    .command('probe')
    .description('look at a stream, a file or a destination before anyone goes on air')
    .argument('<URL>', 'what to look at')
    .option('--push', 'the URL is a destination: have it accept a publish, and leave again without a frame')
    .option('--media <DIR>', 'where media:// files lie')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (url: string, { push = false, json = false, media }: Flags) => {
      const { probeUrl, probePush } = await doors();
      const print = (value: object, lines: readonly string[]): void =>
        terminal.out(json ? `${JSON.stringify(value, undefined, 2)}\n` : `${lines.join('\n')}\n`);
      if (push) {
        const tookMs = await probePush(url, { signal });
        print({ accepted: true, tookMs }, [`the destination has accepted the publish, in ${tookMs} ms`]);
        return;
      }
      const probed = await probeUrl(url, { signal, mediaDir: media });
      print(probed, linesOf(probed));
    });
}

const DESTINATIONS: Readonly<Record<string, string>> = {
  rtmp: 'to RTMP',
  enhancedRtmp: 'to enhanced RTMP',
  srt: 'to SRT',
};
const WORDS = { yes: 'can be copied', change: 'can be copied with a change', no: 'cannot be copied' } as const;

function linesOf(probed: Probed): readonly string[] {
  const { kind, video, audio, bitrateKbit, durationMs, audioOffsetMs, verdicts, notes } = probed;
  const rows: (readonly [string, string])[] = [
    ['kind', kind === 'live' ? 'live stream' : 'file'],
    ['length', durationMs === undefined ? '' : `${Math.round(durationMs / 100) / 10} s`],
    ['video', video === undefined ? 'none' : videoWords(video)],
    ['key frames', keyWords(probed)],
    ['audio', audio === undefined ? 'none' : audioWords(audio)],
    ['bit rate', bitrateKbit === undefined ? '' : `${bitrateKbit} kbit/s`],
    ['sound begins', offsetWords(audioOffsetMs)],
    ...Object.entries(verdicts).map(([name, { copies, because }]): readonly [string, string] => {
      return [DESTINATIONS[name] ?? name, because === '' ? WORDS[copies] : `${WORDS[copies]}: ${because}`];
    }),
    ...notes.map((note): readonly [string, string] => ['note', note]),
  ];
  const told = rows.filter(([, text]) => text !== '');
  const width = Math.max(...told.map(([name]) => name.length)) + 2;
  return told.map(([name, text]) => name.padEnd(width) + text);
}

const words = (...parts: readonly (string | undefined)[]): string =>
  parts.filter(part => part !== undefined && part !== '').join(' ');

const videoWords = ({ codec, codecString, width, height, fps, bitrateKbit, bFrames }: ProbedVideo): string =>
  words(
    codec,
    codecString && `(${codecString})`,
    width === undefined ? undefined : `${width}×${height}`,
    fps === undefined ? undefined : `${Math.round(fps * 100) / 100} fps`,
    bitrateKbit === undefined ? undefined : `${bitrateKbit} kbit/s`,
    bFrames ? 'with B-frames' : undefined,
  );

const audioWords = ({ codec, codecString, sampleRate, channels, bitrateKbit }: ProbedAudio): string =>
  words(
    codec,
    codecString && `(${codecString})`,
    sampleRate === undefined ? undefined : `${sampleRate} Hz`,
    channels === undefined ? undefined : `${channels} ch`,
    bitrateKbit === undefined ? undefined : `${bitrateKbit} kbit/s`,
  );

function keyWords({ video, keyFrames = video?.keyFrames }: Probed): string {
  if (video === undefined || keyFrames === undefined) return '';
  return `${keyFrames.count}, at most ${Math.round(keyFrames.longestGapMs / 10) / 100} s apart`;
}

function offsetWords(offsetMs: number | undefined): string {
  if (offsetMs === undefined) return '';
  if (offsetMs === 0) return 'with the picture';
  return `${Math.abs(offsetMs)} ms ${offsetMs > 0 ? 'behind' : 'before'} the picture`;
}
