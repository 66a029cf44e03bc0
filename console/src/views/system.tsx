import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useActing } from '../acting.ts';
import { call } from '../api.ts';
import { useAnswer } from '../asked.ts';
import { CopyAs } from '../parts/copy-as.tsx';
import { Doctor } from '../parts/doctor.tsx';
import { Answered } from '../parts/empty.tsx';
import { Facts } from '../parts/facts.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { Time } from '../parts/time.tsx';
import { may } from '../visitor.ts';
import { t } from '../words.ts';

/** Is the installation itself healthy and recoverable? */
export function System() {
  return (
    <section>
      <h1>{t('nav.system')}</h1>
      <Health />
      <Doctor />
      <NextSteps />
      <Secrets />
    </section>
  );
}

interface Told {
  readonly isReady: boolean;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly reasons: readonly string[];
}

async function askHealth(): Promise<Told> {
  const [health, ready] = await Promise.all([fetch('/healthz'), fetch('/readyz')]);
  const facts = (await health.json()) as Readonly<Record<string, unknown>>;
  const { reasons = [] } = (await ready.json()) as { readonly reasons?: readonly string[] };
  return { isReady: ready.ok, facts, reasons };
}

function Health() {
  const told = useSignal<Told | undefined>(undefined);
  const { problem, act } = useActing();
  const ask = (): void =>
    void act(async () => {
      told.value = await askHealth();
    });
  useEffect(ask, []);
  return (
    <section class="card" aria-labelledby="health">
      <h2 id="health">{t('system.health')}</h2>
      <ProblemNote problem={problem} again={ask} />
      {told.value !== undefined && (
        <>
          <p class={told.value.isReady ? 'status-running' : 'bad'}>
            {told.value.isReady ? `✓ ${t('system.ready')}` : `✕ ${t('system.not_ready')}`}
          </p>
          <ul>
            {told.value.reasons.map(reason => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
          <Facts value={told.value.facts} />
        </>
      )}
    </section>
  );
}

const STEPS = [
  ['system.step.doctor', 'bin/millrace doctor'],
  ['system.step.key', 'eval "$(bin/millrace key create --api --env)"'],
  ['system.step.health', 'curl -s http://127.0.0.1:8080/readyz'],
] as const;

function NextSteps() {
  return (
    <section class="card" aria-labelledby="steps">
      <h2 id="steps">{t('system.steps')}</h2>
      {STEPS.map(([key, command]) => (
        <div key={key}>
          <p>{t(key)}</p>
          <pre tabIndex={0}>{command}</pre>
        </div>
      ))}
    </section>
  );
}

interface SecretFacts {
  readonly id: string;
  readonly created_at: string;
  readonly retires_at: string | null;
}

/** Which secrets sign the callbacks, and a new one. */
function Secrets() {
  const answer = useAnswer<{ readonly secrets: readonly SecretFacts[] }>(
    may('millrace:callbacks:list') ? '/callbacks/secret' : '',
  );
  const made = useSignal('');
  const { problem, act } = useActing();
  const path = '/callbacks/secret/rotate';
  const rotate = (): Promise<void> =>
    act(async () => {
      const { secret } = await call<{ readonly secret: string }>('POST', path, { body: {} });
      made.value = secret;
      answer.again();
    });
  if (!may('millrace:callbacks:list')) return null;
  return (
    <section class="card" aria-labelledby="secrets">
      <h2 id="secrets">{t('secrets.title')}</h2>
      <Answered answer={answer}>
        {({ secrets }) => (
          <ul class="lines">
            {secrets.map(({ id, created_at: createdAt, retires_at: retiresAt }) => (
              <li key={id} class="line">
                <code>{id}</code> <Time at={createdAt} />
                {retiresAt !== null && (
                  <span class="faint">
                    {t('secrets.retires')} <Time at={retiresAt} />
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
      </Answered>
      <ProblemNote problem={problem} />
      {may('millrace:callbacks:rotate') && (
        <button type="button" onClick={() => void rotate()}>
          {t('secrets.rotate')}
        </button>
      )}
      {made.value !== '' && (
        <div class="note note-warn" role="status">
          <p>{t('access.once')}</p>
          <pre tabIndex={0}>{made.value}</pre>
        </div>
      )}
      <CopyAs change={{ method: 'POST', path, body: {}, cli: ['callback', 'secret', 'rotate'] }} />
    </section>
  );
}
