import { useSignal } from '@preact/signals';
import { useActing } from '../acting.ts';
import { call } from '../api.ts';
import { useAnswer } from '../asked.ts';
import type { Domain } from '../model.ts';
import { CopyAs } from '../parts/copy-as.tsx';
import { Answered, Empty } from '../parts/empty.tsx';
import { TextField } from '../parts/field.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { Remove } from '../parts/remove.tsx';
import { may } from '../visitor.ts';
import { t } from '../words.ts';

/** Names that destinations may use, and where they lead. */
export function Domains() {
  const answer = useAnswer<{ readonly domains: readonly Domain[] }>('/domains');
  const canWrite = may('millrace:domains:write');
  return (
    <>
      <Answered answer={answer}>
        {({ domains }) =>
          domains.length === 0 ? (
            <Empty>{t('domains.none')}</Empty>
          ) : (
            <ul class="lines">
              {domains.map(({ name, target }) => (
                <li key={name} class="line">
                  <strong>{name}</strong> → <span class="address grow">{target}</span>
                  {canWrite && (
                    <Remove
                      name={name}
                      path={`/domains/${encodeURIComponent(name)}`}
                      cli={['domain', 'remove', name]}
                      onDone={answer.again}
                    />
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
      {canWrite && <AddDomain onDone={answer.again} />}
    </>
  );
}

function AddDomain({ onDone }: { readonly onDone: () => void }) {
  const name = useSignal('');
  const target = useSignal('');
  const { problem, act } = useActing();
  const body = { name: name.value.trim(), target: target.value.trim() };
  const add = (event: Event): void => {
    event.preventDefault();
    void act(async () => {
      await call('POST', '/domains', { body });
      name.value = '';
      target.value = '';
      onDone();
    });
  };
  return (
    <form class="card" onSubmit={add}>
      <h2>{t('domains.add')}</h2>
      <TextField label={t('edit.domain')} value={name.value} onText={text => (name.value = text)} />
      <TextField
        label={t('domains.target')}
        hint={t('domains.target_hint')}
        value={target.value}
        onText={text => (target.value = text)}
      />
      <ProblemNote problem={problem} />
      <button type="submit">{t('domains.add')}</button>
      <CopyAs
        change={{ method: 'POST', path: '/domains', body, cli: ['domain', 'add', body.name, '--to', body.target] }}
      />
    </form>
  );
}
