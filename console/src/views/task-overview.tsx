import type { ComponentChildren } from 'preact';
import { formatKbit, formatNumber, formatPosition, formatSeconds } from '../format.ts';
import type { OnAir, Task } from '../model.ts';
import { destinationText, fileName, nameOf } from '../parts/addresses.tsx';
import { DemoFix } from '../parts/demo-fix.tsx';
import { LivePicture } from '../parts/live-picture.tsx';
import { alarmText } from '../parts/sentence.ts';
import { SourceSwitch } from '../parts/source-switch.tsx';
import { Time } from '../parts/time.tsx';
import { isOnAir } from '../tasks.ts';
import { type Key, t, tWord } from '../words.ts';

/** Is it all right now; if not, why, and what happens next? */
export function TaskOverview({ task }: { readonly task: Task }) {
  return (
    <>
      <DemoFix task={task} />
      <div class="columns">
        {isOnAir(task) && <LivePicture taskId={task.id} name={nameOf(task)} />}
        <Why task={task} />
      </div>
      <h2>{t('hop.title')}</h2>
      <Hops task={task} />
      <SourceSwitch task={task} />
      <div class="columns">
        <Settings task={task} />
        <AirFacts task={task} />
      </div>
    </>
  );
}

function Why({ task: { status } }: { readonly task: Task }) {
  const { last_error: lastError, alarms } = status;
  return (
    <section class="card" aria-labelledby="why">
      <h2 id="why">{t('overview.why')}</h2>
      {lastError === null && alarms.length === 0 && <p>{t('overview.well')}</p>}
      {alarms.length > 0 && (
        <ul>
          {alarms.map(alarm => (
            <li key={alarm}>{alarmText(alarm)}</li>
          ))}
        </ul>
      )}
      {lastError !== null && (
        <p>
          {t('overview.last_error')} <Time at={lastError.at} />: {tWord('side', lastError.side)} — {lastError.message}
        </p>
      )}
    </section>
  );
}

interface HopFacts {
  readonly label: Key;
  readonly isBad: boolean;
  readonly lines: readonly ComponentChildren[];
}

/** From the source to the destination, with a number on each hop; the one at fault is marked. */
function Hops({ task }: { readonly task: Task }) {
  return (
    <ol class="hops">
      {hopsOf(task).map(({ label, isBad, lines }) => (
        <li key={label} class={`hop ${isBad ? 'hop-bad' : ''}`}>
          <strong>
            {t(label)} {isBad && <span class="bad">✕ {t('hop.fault')}</span>}
          </strong>
          {lines.map((line, at) => (
            <span key={String(at)} class="faint">
              {line}
              <br />
            </span>
          ))}
        </li>
      ))}
    </ol>
  );
}

function hopsOf(task: Task): readonly HopFacts[] {
  const { on_air: onAir, status, source, destination } = task;
  const isOff = status.word === 'recovering';
  const sourceUrl = onAir?.source?.url ?? (source.kind === 'live' ? source.url : (source.items[0]?.url ?? ''));
  return [
    { label: 'hop.source', isBad: isOff && status.side === 'source', lines: [sourceUrl, ...inLines(onAir)] },
    { label: 'hop.queue', isBad: isAlarmed(task, 'DestinationCongested'), lines: queueLines(onAir) },
    {
      label: 'hop.destination',
      isBad: isOff && status.side === 'destination',
      lines: [destinationText(destination), ...outLines(onAir)],
    },
  ];
}

const isAlarmed = ({ status }: Task, alarm: string): boolean => status.alarms.includes(alarm);

const inLines = (onAir: OnAir | null): readonly string[] =>
  onAir === null
    ? []
    : [
        `${formatKbit(onAir.in.kbit)} · ${t('rate.fps', { n: formatNumber(onAir.in.fps, 1) })}`,
        t('rate.reconnects', { n: onAir.reconnects.source }),
      ];

const outLines = (onAir: OnAir | null): readonly string[] =>
  onAir === null
    ? []
    : [
        `${formatKbit(onAir.out.kbit)} · ${t('rate.fps', { n: formatNumber(onAir.out.fps, 1) })}`,
        t('rate.reconnects', { n: onAir.reconnects.destination }),
      ];

const queueLines = (onAir: OnAir | null): readonly string[] =>
  onAir === null
    ? ['—']
    : [
        t('rate.queue', { n: formatNumber(onAir.queue_s, 2) }),
        t('rate.drops', { n: Object.values(onAir.drops).reduce((sum, one) => sum + one, 0) }),
      ];

function Pair({ label, children }: { readonly label: Key; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{t(label)}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function AirFacts({ task: { on_air: onAir } }: { readonly task: Task }) {
  if (onAir === null) return null;
  const { item, next } = onAir;
  return (
    <section class="card" aria-labelledby="air">
      <h2 id="air">{t('overview.on_air')}</h2>
      <dl class="pairs">
        {item !== null && (
          <Pair label="overview.item">
            {fileName(item.url)} ·{' '}
            {t('overview.round', { n: item.round + 1, of: item.rounds === 'endless' ? '∞' : (item.rounds ?? '?') })}
            {item.position_s !== null && ` · ${formatPosition(item.position_s)}`}
            {item.duration_s !== null && ` / ${formatPosition(item.duration_s)}`}
          </Pair>
        )}
        {next !== null && <Pair label="overview.next">{fileName(next.url)}</Pair>}
        <Pair label="overview.push">{formatNumber(onAir.push_epoch)}</Pair>
        <Pair label="overview.media">{formatSeconds(onAir.media_s)}</Pair>
        <Pair label="overview.node">{onAir.node}</Pair>
      </dl>
    </section>
  );
}

function Settings({ task }: { readonly task: Task }) {
  return (
    <section class="card" aria-labelledby="settings">
      <h2 id="settings">{t('overview.settings')}</h2>
      <dl class="pairs">
        <Pair label="overview.starts">
          <Time at={task.start_at} />
        </Pair>
        <Pair label="overview.ends">{task.end_at === null ? t('overview.endless') : <Time at={task.end_at} />}</Pair>
        <Pair label="overview.standby">{task.standby.length === 0 ? '—' : task.standby.join(', ')}</Pair>
        <Pair label="overview.dialect">{task.dialect}</Pair>
        <Pair label="overview.region">{task.region}</Pair>
        <Pair label="overview.tags">{task.tags.length === 0 ? '—' : task.tags.join(', ')}</Pair>
        <Pair label="overview.callback">{task.callback?.url ?? '—'}</Pair>
        <Pair label="overview.id">
          <code>{task.id}</code>
        </Pair>
        <Pair label="overview.version">{task.version}</Pair>
      </dl>
    </section>
  );
}
