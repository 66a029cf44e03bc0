import { useSignal } from '@preact/signals';
import { useActing } from '../acting.ts';
import { call } from '../api.ts';
import { useAnswer } from '../asked.ts';
import type { Delivery } from '../model.ts';
import { href } from '../router.ts';
import { taskName } from '../tasks.ts';
import { may } from '../visitor.ts';
import { t, tWord } from '../words.ts';
import { CopyAs } from './copy-as.tsx';
import { Dialog } from './dialog.tsx';
import { Answered, Empty } from './empty.tsx';
import { ProblemNote } from './problem-note.tsx';
import { Time } from './time.tsx';

const MARKS: Readonly<Record<Delivery['state'], readonly [mark: string, look: string]>> = {
  delivered: ['✓', 'status-running'],
  waiting: ['◷', 'status-recovering'],
  dead: ['✕', 'bad'],
};

interface DeliveryListProps {
  readonly deliveries: readonly Delivery[];
  readonly onChange: () => void;
  readonly withTask?: boolean;
}

export function DeliveryList({ deliveries, onChange, withTask = false }: DeliveryListProps) {
  const opened = useSignal<string | undefined>(undefined);
  if (deliveries.length === 0) return <Empty>{t('deliveries.none')}</Empty>;
  return (
    <>
      <ul class="lines">
        {deliveries.map(delivery => (
          <li key={delivery.id} class="line">
            <span class={`status ${MARKS[delivery.state][1]}`}>
              <span aria-hidden="true">{MARKS[delivery.state][0]}</span> {tWord('delivery', delivery.state)}
            </span>
            <span class="line-time">
              <Time at={delivery.created_at} />
            </span>
            <button type="button" class="quiet" data-row onClick={() => (opened.value = delivery.id)}>
              {tWord('event', delivery.event_type)}
            </button>
            {withTask && <a href={href(['tasks', delivery.task_id, 'callbacks'])}>{taskName(delivery.task_id)}</a>}
            <span class="address">{delivery.url}</span>
            {delivery.state !== 'delivered' && delivery.last_error !== '' && (
              <span class="line-why">
                {t('deliveries.tries', { n: delivery.attempts })}: {delivery.last_error}
              </span>
            )}
          </li>
        ))}
      </ul>
      {opened.value !== undefined && (
        <OneDelivery
          id={opened.value}
          onClose={() => {
            opened.value = undefined;
            onChange();
          }}
        />
      )}
    </>
  );
}

interface WithBody extends Delivery {
  readonly content_type: string;
  readonly body: string;
}

function OneDelivery({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const answer = useAnswer<WithBody>(`/deliveries/${encodeURIComponent(id)}`);
  const { problem, act } = useActing();
  const path = `/deliveries/${id}/redeliver`;
  const again = (): Promise<void> =>
    act(async () => {
      await call('POST', path);
      answer.again();
    });
  return (
    <Dialog title={t('deliveries.one')} onClose={onClose}>
      <Answered answer={answer}>{delivery => <DeliveryFacts delivery={delivery} />}</Answered>
      <ProblemNote problem={problem} />
      {may('millrace:deliveries:redeliver') && (
        <button type="button" class="primary" onClick={() => void again()}>
          {t('deliveries.again')}
        </button>
      )}
      <CopyAs change={{ method: 'POST', path, cli: ['callback', 'redeliver', id] }} />
    </Dialog>
  );
}

function DeliveryFacts({ delivery }: { readonly delivery: WithBody }) {
  return (
    <>
      <p class="address">{delivery.url}</p>
      {delivery.next_attempt_at !== null && (
        <p>
          {t('deliveries.next')} <Time at={delivery.next_attempt_at} />
        </p>
      )}
      <h3>{t('deliveries.log')}</h3>
      <ul class="lines">
        {delivery.log.map(({ at, took_ms: took, status, error }) => (
          <li key={at} class="line">
            <Time at={at} /> <span>{status ?? '—'}</span> <span>{took} ms</span> <span class="line-why">{error}</span>
          </li>
        ))}
      </ul>
      <h3>{t('deliveries.body')}</h3>
      <pre tabIndex={0}>{delivery.body}</pre>
    </>
  );
}
