import { useAnswer } from '../asked.ts';
import { may } from '../visitor.ts';
import { type Key, t } from '../words.ts';
import { Answered } from './empty.tsx';

interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly found: string;
  readonly why: string;
  readonly fix: string;
}

const STATES: Readonly<Record<Finding['state'], { readonly sign: string; readonly key: Key; readonly look: string }>> =
  {
    fail: { sign: '✕', key: 'doctor.fail', look: 'bad' },
    warn: { sign: '▲', key: 'doctor.warn', look: 'status-recovering' },
    ok: { sign: '✓', key: 'doctor.ok', look: 'status-running' },
  };
const ORDER: readonly Finding['state'][] = ['fail', 'warn', 'ok'];

/** What was found of the installation, the worst first, and what would mend it. */
export function Doctor() {
  const answer = useAnswer<{ readonly checks: readonly Finding[] }>(may('millrace:nodes:diagnose') ? '/doctor' : '');
  if (!may('millrace:nodes:diagnose')) return null;
  return (
    <section class="card" aria-labelledby="doctor">
      <h2 id="doctor">{t('doctor.title')}</h2>
      <Answered answer={answer}>
        {({ checks }) => (
          <ul class="lines">
            {ORDER.flatMap(state => checks.filter(check => check.state === state)).map(check => (
              <Line key={check.name} {...check} />
            ))}
          </ul>
        )}
      </Answered>
      <button type="button" onClick={answer.again}>
        {t('doctor.again')}
      </button>
    </section>
  );
}

function Line({ name, state, found, why, fix }: Finding) {
  const { sign, key, look } = STATES[state];
  return (
    <li class="line">
      <strong class={look}>
        {sign} {t(key)}
      </strong>{' '}
      <code>{name}</code> {found}
      {state !== 'ok' && (
        <>
          <p class="faint">{why}</p>
          {fix !== '' && <pre tabIndex={0}>{fix}</pre>}
        </>
      )}
    </li>
  );
}
