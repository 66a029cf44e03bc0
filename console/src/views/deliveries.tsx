import { useSignal } from '@preact/signals';
import { useActing } from '../acting.ts';
import { call, query } from '../api.ts';
import { useAnswer } from '../asked.ts';
import type { Change } from '../copies.ts';
import { toLocalField } from '../format.ts';
import type { Delivery, Endpoint } from '../model.ts';
import { CopyAs } from '../parts/copy-as.tsx';
import { DeliveryList } from '../parts/delivery-list.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Answered, Empty } from '../parts/empty.tsx';
import { Choice, TextField } from '../parts/field.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { Time } from '../parts/time.tsx';
import { refine } from '../router.ts';
import { may } from '../visitor.ts';
import { type Key, t } from '../words.ts';

const STATES = ['', 'dead', 'waiting', 'delivered'] as const;

/** What did we tell the outside, and what did not arrive? */
export function Deliveries({ query: asked }: { readonly query: URLSearchParams }) {
  const state = STATES.find(word => word === asked.get('state')) ?? '';
  const answer = useAnswer<{ readonly deliveries: readonly Delivery[] }>(
    `/deliveries${query({ state, limit: 200 })}`,
    5_000,
  );
  const isAsked = useSignal(false);
  return (
    <section>
      <h1>{t('nav.deliveries')}</h1>
      <Answered answer={answer}>{({ deliveries }) => <p class="sentence">{sentenceOf(deliveries)}</p>}</Answered>
      <Endpoints />
      <div class="row">
        <Choice
          label={t('deliveries.state')}
          value={state}
          options={STATES.map(word => [word, t(`delivery.${word === '' ? 'all' : word}` as Key)] as const)}
          onChoice={word => refine({ state: word })}
        />
        {may('millrace:deliveries:redeliver') && (
          <button type="button" onClick={() => (isAsked.value = true)}>
            {t('deliveries.many')}
          </button>
        )}
      </div>
      {answer.value !== undefined && (
        <DeliveryList deliveries={answer.value.deliveries} onChange={answer.again} withTask />
      )}
      <CopyAs
        change={{ method: 'GET', path: `/deliveries${query({ state, limit: 200 })}`, cli: ['callback', 'list'] }}
      />
      {isAsked.value && <ManyAgain onClose={() => (isAsked.value = false)} />}
    </section>
  );
}

function sentenceOf(deliveries: readonly Delivery[]): string {
  const dead = deliveries.filter(({ state }) => state === 'dead').length;
  const waiting = deliveries.filter(({ state }) => state === 'waiting').length;
  if (dead === 0 && waiting === 0) return t('deliveries.all_well');
  return t('deliveries.some', { dead, waiting });
}

/** Receivers that take nothing. */
function Endpoints() {
  const answer = useAnswer<{ readonly endpoints: readonly Endpoint[] }>('/endpoints', 10_000);
  const asked = useSignal<Endpoint | undefined>(undefined);
  return (
    <section class="card" aria-labelledby="endpoints">
      <h2 id="endpoints">{t('endpoints.title')}</h2>
      <Answered answer={answer}>
        {({ endpoints }) =>
          endpoints.length === 0 ? (
            <Empty>{t('endpoints.none')}</Empty>
          ) : (
            <ul class="lines">
              {endpoints.map(endpoint => (
                <li key={endpoint.id} class="line">
                  <span class="address grow">{endpoint.url}</span>
                  <span>
                    {t('endpoints.since')} <Time at={endpoint.failing_since} />
                  </span>
                  {endpoint.paused_at !== null && <strong class="bad">{t('endpoints.paused')}</strong>}
                  {may('millrace:deliveries:redeliver') && (
                    <button type="button" onClick={() => (asked.value = endpoint)}>
                      {t('endpoints.resume')}
                    </button>
                  )}
                  <span class="line-why">{endpoint.last_error}</span>
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
      {asked.value !== undefined && (
        <Resume
          endpoint={asked.value}
          onClose={() => {
            asked.value = undefined;
            answer.again();
          }}
        />
      )}
    </section>
  );
}

function Resume({ endpoint, onClose }: { readonly endpoint: Endpoint; readonly onClose: () => void }) {
  const change: Change = {
    method: 'POST',
    path: `/endpoints/${endpoint.id}/resume`,
    cli: ['callback', 'resume', endpoint.id],
  };
  return <Asked title={t('endpoints.resume')} text={endpoint.url} change={change} onClose={onClose} />;
}

interface AskedProps {
  readonly title: string;
  readonly text: string;
  readonly change: Change;
  readonly onClose: () => void;
}

function Asked({ title, text, change, onClose }: AskedProps) {
  const { problem, act } = useActing();
  const go = (): Promise<void> =>
    act(async () => {
      await call(change.method, change.path, change.body === undefined ? {} : { body: change.body });
      onClose();
    });
  return (
    <Dialog title={title} onClose={onClose}>
      <p class="address">{text}</p>
      <ProblemNote problem={problem} />
      <button type="button" class="primary" onClick={() => void go()}>
        {title}
      </button>
      <CopyAs change={change} />
    </Dialog>
  );
}

const DAY_MS = 86_400_000;

function ManyAgain({ onClose }: { readonly onClose: () => void }) {
  const since = useSignal(toLocalField(Date.now() - DAY_MS));
  const { problem, act } = useActing();
  const told = useSignal('');
  const date = new Date(since.value);
  const body = { since: Number.isNaN(date.getTime()) ? since.value : date.toISOString() };
  const go = (): Promise<void> =>
    act(async () => {
      const { redelivered } = await call<{ readonly redelivered: number }>('POST', '/deliveries/redeliver', { body });
      told.value = t('deliveries.sent', { n: redelivered });
    });
  return (
    <Dialog title={t('deliveries.many')} onClose={onClose}>
      <TextField
        label={t('deliveries.since')}
        type="datetime-local"
        value={since.value}
        onText={text => (since.value = text)}
        input={{ step: '1' }}
      />
      <ProblemNote problem={problem} />
      <p role="status">{told.value}</p>
      <button type="button" class="primary" onClick={() => void go()}>
        {t('deliveries.again')}
      </button>
      <CopyAs
        change={{
          method: 'POST',
          path: '/deliveries/redeliver',
          body,
          cli: ['callback', 'redeliver', '--since', body.since],
        }}
      />
    </Dialog>
  );
}
