import { useSignal } from '@preact/signals';
import { useActing } from '../acting.ts';
import { call } from '../api.ts';
import type { Body } from '../draft.ts';
import { formatPosition, formatTime } from '../format.ts';
import { fileName } from '../parts/addresses.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { t, tWord } from '../words.ts';

interface Planned {
  readonly starts_at: string;
  readonly ends_at: string | null;
  readonly sources: readonly { readonly field: string; readonly url: string }[];
  readonly timeline: readonly {
    readonly round: number;
    readonly index: number;
    readonly in_s: number;
    readonly out_s: number;
    readonly starts_at: string;
    readonly ends_at: string;
  }[];
  readonly timeline_is_whole: boolean;
  readonly joints: readonly {
    readonly from: number;
    readonly to: number;
    readonly kind: string;
    readonly because: string;
  }[];
  readonly warnings: readonly { readonly code: string; readonly field: string; readonly message: string }[];
}

/** What would come of the form as it stands, without doing it. */
export function Plan({ body }: { readonly body: Body }) {
  const found = useSignal<Planned | undefined>(undefined);
  const { problem, isBusy, act } = useActing();
  const plan = (): Promise<void> =>
    act(async () => {
      found.value = undefined;
      found.value = await call<Planned>('POST', '/plan', { body });
    });
  return (
    <section class="card" aria-labelledby="plan">
      <h2 id="plan">{t('plan.title')}</h2>
      <button type="button" disabled={isBusy} onClick={() => void plan()}>
        {isBusy ? t('probe.looking') : t('plan.make')}
      </button>
      <ProblemNote problem={problem} />
      {found.value !== undefined && <Found plan={found.value} />}
    </section>
  );
}

function Found({ plan }: { readonly plan: Planned }) {
  return (
    <div role="status">
      <Warnings plan={plan} />
      <p>
        {t('plan.from', { at: formatTime(plan.starts_at) })}{' '}
        {plan.ends_at === null ? t('overview.endless') : t('plan.until', { at: formatTime(plan.ends_at) })}
      </p>
      {plan.timeline.length > 0 && <Timeline plan={plan} />}
      <Joints plan={plan} />
    </div>
  );
}

function Warnings({ plan: { warnings } }: { readonly plan: Planned }) {
  if (warnings.length === 0) return <p class="note">✓ {t('plan.well')}</p>;
  return (
    <ul class="note note-warn">
      {warnings.map(({ code, field, message }) => (
        <li key={`${code} ${field}`}>
          <strong>{tWord('warning', code)}</strong> <code>{field}</code> {message}
        </li>
      ))}
    </ul>
  );
}

const MOST_SHOWN = 50;

function Timeline({ plan: { timeline, timeline_is_whole: isWhole, sources } }: { readonly plan: Planned }) {
  const nameAt = (index: number): string =>
    fileName(
      sources.find(({ field }) => field === `source.items[${index}]` || field === `source.items[${index}].url`)?.url ??
        '',
    );
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t('plan.timeline')}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('edit.starts')}</th>
            <th scope="col">{t('edit.rounds')}</th>
            <th scope="col">{t('timeline.files')}</th>
            <th scope="col">{t('plan.part')}</th>
          </tr>
        </thead>
        <tbody>
          {timeline.slice(0, MOST_SHOWN).map(({ starts_at: startsAt, round, index, in_s: from, out_s: to }) => (
            <tr key={startsAt}>
              <td>{formatTime(startsAt)}</td>
              <td class="number">{round + 1}</td>
              <td>
                {index + 1}. {nameAt(index)}
              </td>
              <td class="number">
                {formatPosition(from)}–{formatPosition(to)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {(!isWhole || timeline.length > MOST_SHOWN) && <p class="faint">{t('plan.more')}</p>}
    </div>
  );
}

/** Only where one file does not simply follow the other. */
function Joints({ plan: { joints } }: { readonly plan: Planned }) {
  const told = joints.filter(({ kind }) => kind !== 'copy');
  return (
    <ul class="plain">
      {told.map(({ from, to, kind, because }) => (
        <li key={`${from} ${to}`}>
          {from + 1} → {to + 1}: {tWord('joint', kind)} <span class="faint">{because}</span>
        </li>
      ))}
    </ul>
  );
}
