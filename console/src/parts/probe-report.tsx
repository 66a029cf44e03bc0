import { formatKbit, formatPosition } from '../format.ts';
import type { Probed, Track, Verdict } from '../model.ts';
import { type Key, t, tWord } from '../words.ts';

const MARKS: Readonly<Record<Verdict['copies'], string>> = { yes: '✓', change: '△', no: '✕' };

/** What is at an address, and which kinds of destination can be given it. */
export function ProbeReport({ found }: { readonly found: Probed }) {
  if (!found.ok) {
    return (
      <div class="note note-bad" role="status">
        <p>
          ✕ {found.error} {found.kind !== undefined && <span class="faint">({tWord('fault', found.kind)})</span>}
        </p>
      </div>
    );
  }
  const { video, audio, verdicts } = found;
  return (
    <div class="note" role="status">
      <p>✓ {summaryOf(found)}</p>
      <ul>
        {video && <li>{videoText(video)}</li>}
        {audio && <li>{audioText(audio)}</li>}
      </ul>
      {verdicts !== undefined && (
        <ul class="plain">
          {Object.entries(verdicts).map(([kind, { copies, because }]) => (
            <li key={kind}>
              <span aria-hidden="true">{MARKS[copies]}</span>{' '}
              {t(`probe.${copies}` as Key, { kind: kind.replaceAll('_', ' ').toUpperCase() })}
              {because !== '' && `: ${because}`}
            </li>
          ))}
        </ul>
      )}
      <Notes notes={found.notes ?? []} />
    </div>
  );
}

function Notes({ notes }: { readonly notes: readonly unknown[] }) {
  if (notes.length === 0) return null;
  return (
    <ul>
      {notes.map(note => {
        const text = typeof note === 'string' ? note : JSON.stringify(note);
        return <li key={text}>⚠ {text}</li>;
      })}
    </ul>
  );
}

function summaryOf({
  kind,
  protocol,
  opened_in_ms: openedIn,
  took_ms: took,
  bitrate_kbit: kbit,
  duration_ms: duration,
}: Probed): string {
  if (took !== undefined) return t('probe.accepted', { n: took });
  return [
    kind === undefined ? '' : tWord('probe.kind', kind),
    protocol?.toUpperCase() ?? '',
    duration === undefined ? '' : formatPosition(duration / 1_000),
    kbit === undefined ? '' : formatKbit(kbit),
    openedIn === undefined ? '' : t('probe.opened', { n: openedIn }),
  ]
    .filter(text => text !== '')
    .join(' · ');
}

function videoText({ codec, width, height, fps, bitrate_kbit: kbit, key_frames: keys, b_frames: hasB }: Track): string {
  return [
    codec,
    width === undefined ? '' : `${width}×${height}`,
    fps === undefined ? '' : t('rate.fps', { n: fps }),
    kbit === undefined ? '' : formatKbit(kbit),
    keys === undefined ? '' : t('probe.keys', { n: keys.longest_gap_ms / 1_000 }),
    hasB === true ? t('probe.b_frames') : '',
  ]
    .filter(text => text !== '')
    .join(' · ');
}

const audioText = ({ codec, sample_rate: rate, channels, bitrate_kbit: kbit }: Track): string =>
  [
    codec,
    rate === undefined ? '' : `${rate} Hz`,
    channels === undefined ? '' : t('probe.channels', { n: channels }),
    kbit === undefined ? '' : formatKbit(kbit),
  ]
    .filter(text => text !== '')
    .join(' · ');
