import { useSignal } from '@preact/signals';
import { useActing } from '../acting.ts';
import { call } from '../api.ts';
import { useAnswer } from '../asked.ts';
import type { AccessKey, NewKey, Role } from '../model.ts';
import { CopyAs } from '../parts/copy-as.tsx';
import { Answered, Empty } from '../parts/empty.tsx';
import { Choice, TextField } from '../parts/field.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { Remove } from '../parts/remove.tsx';
import { Time } from '../parts/time.tsx';
import { may } from '../visitor.ts';
import { t } from '../words.ts';

export function Keys() {
  const answer = useAnswer<{ readonly keys: readonly AccessKey[] }>('/keys');
  return (
    <>
      <Answered answer={answer}>
        {({ keys }) =>
          keys.length === 0 ? (
            <Empty>{t('access.no_keys')}</Empty>
          ) : (
            <ul class="lines">
              {keys.map(key => (
                <OneKey key={key.id} of={key} onDone={answer.again} />
              ))}
            </ul>
          )
        }
      </Answered>
      {may('millrace:keys:write') && <AddKey onDone={answer.again} />}
    </>
  );
}

function OneKey({ of: key, onDone }: { readonly of: AccessKey; readonly onDone: () => void }) {
  const { problem, act } = useActing();
  const path = `/keys/${encodeURIComponent(key.id)}`;
  const toggle = (): Promise<void> =>
    act(async () => {
      await call('PATCH', path, { body: { enabled: !key.enabled } });
      onDone();
    });
  return (
    <li class="line">
      <span class="tag">{t(`key.${key.kind}`)}</span>
      <strong class="grow">{key.name === '' ? key.id : key.name}</strong>
      <code>{key.id}</code>
      {!key.enabled && <span class="bad">{t('access.disabled')}</span>}
      <span class="line-why">
        {t('access.last_used')} <Time at={key.last_used_at} /> · {t('access.expires')} <Time at={key.expires_at} />
      </span>
      {may('millrace:keys:write') && (
        <>
          <button type="button" onClick={() => void toggle()}>
            {t(key.enabled ? 'access.disable' : 'access.enable')}
          </button>
          <Remove name={key.id} path={path} cli={['key', 'delete', key.id]} onDone={onDone} />
        </>
      )}
      <ProblemNote problem={problem} />
    </li>
  );
}

function AddKey({ onDone }: { readonly onDone: () => void }) {
  const kind = useSignal<AccessKey['kind']>('api');
  const name = useSignal('');
  const role = useSignal<Role>('operator');
  const made = useSignal<NewKey | undefined>(undefined);
  const { problem, act } = useActing();
  const body = { kind: kind.value, ...(name.value === '' ? {} : { name: name.value }), role: role.value };
  const add = (event: Event): void => {
    event.preventDefault();
    void act(async () => {
      made.value = await call<NewKey>('POST', '/keys', { body });
      onDone();
    });
  };
  return (
    <form class="card" onSubmit={add}>
      <h2>{t('access.add_key')}</h2>
      <Choice
        label={t('access.key_kind')}
        value={kind.value}
        options={[
          ['api', t('key.api')],
          ['access', t('key.access')],
        ]}
        onChoice={word => (kind.value = word)}
      />
      <TextField
        label={t('login.name')}
        value={name.value}
        onText={text => (name.value = text)}
        input={{ autoComplete: 'off' }}
      />
      <Choice
        label={t('access.role')}
        value={role.value}
        options={[
          ['viewer', t('role.viewer')],
          ['operator', t('role.operator')],
          ['admin', t('role.admin')],
        ]}
        onChoice={word => (role.value = word)}
      />
      <ProblemNote problem={problem} />
      <button type="submit" class="primary">
        {t('access.add_key')}
      </button>
      {made.value !== undefined && <Secret of={made.value} />}
      <CopyAs
        change={{
          method: 'POST',
          path: '/keys',
          body,
          cli: ['key', 'create', ...(kind.value === 'api' ? ['--api'] : [])],
        }}
      />
    </form>
  );
}

/** It is shown this once; the node keeps what it takes to know it again. */
function Secret({ of: { id, token, secret_key: secretKey, security_token: securityToken } }: { readonly of: NewKey }) {
  return (
    <div class="note note-warn" role="status">
      <p>{t('access.once')}</p>
      <pre tabIndex={0}>{token ?? [id, secretKey, securityToken].filter(text => text !== null).join('\n')}</pre>
    </div>
  );
}
