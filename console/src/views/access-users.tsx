import { useSignal } from '@preact/signals';
import { useActing } from '../acting.ts';
import { call } from '../api.ts';
import { useAnswer } from '../asked.ts';
import type { Role, User } from '../model.ts';
import { CopyAs } from '../parts/copy-as.tsx';
import { Answered } from '../parts/empty.tsx';
import { Choice, TextField } from '../parts/field.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { Remove } from '../parts/remove.tsx';
import { Time } from '../parts/time.tsx';
import { may, visitor } from '../visitor.ts';
import { t } from '../words.ts';

const ROLES: readonly Role[] = ['viewer', 'operator', 'admin'];
/** What the command line calls them. */
const POLICY_OF: Readonly<Record<Role, string>> = {
  viewer: 'ReadOnlyAccess',
  operator: 'OperatorAccess',
  admin: 'FullAccess',
};
const roleOptions = (): readonly (readonly [Role, string])[] => ROLES.map(role => [role, t(`role.${role}`)] as const);

export function Users() {
  const answer = useAnswer<{ readonly users: readonly User[] }>('/users');
  return (
    <>
      <Answered answer={answer}>
        {({ users }) => (
          <ul class="lines">
            {users.map(user => (
              <OneUser key={user.name} user={user} onDone={answer.again} />
            ))}
          </ul>
        )}
      </Answered>
      {may('millrace:users:write') && <AddUser onDone={answer.again} />}
    </>
  );
}

function OneUser({ user, onDone }: { readonly user: User; readonly onDone: () => void }) {
  const { problem, act } = useActing();
  const path = `/users/${encodeURIComponent(user.name)}`;
  const change = (body: object): Promise<void> =>
    act(async () => {
      await call('PATCH', path, { body });
      onDone();
    });
  const isOwn = visitor.value?.user === user.name;
  return (
    <li class="line">
      <strong class="grow">{user.name}</strong>
      <span>{user.role === null ? user.policies.join(', ') : t(`role.${user.role}`)}</span>
      {!user.enabled && <span class="bad">{t('access.disabled')}</span>}
      <span class="line-time">
        <Time at={user.created_at} />
      </span>
      {may('millrace:users:write') && !isOwn && (
        <>
          {ROLES.filter(role => role !== user.role).map(role => (
            <button key={role} type="button" onClick={() => void change({ role })}>
              → {t(`role.${role}`)}
            </button>
          ))}
          <button type="button" onClick={() => void change({ enabled: !user.enabled })}>
            {t(user.enabled ? 'access.disable' : 'access.enable')}
          </button>
          <Remove name={user.name} path={path} cli={['user', 'remove', user.name]} onDone={onDone} />
        </>
      )}
      <ProblemNote problem={problem} />
    </li>
  );
}

function AddUser({ onDone }: { readonly onDone: () => void }) {
  const name = useSignal('');
  const password = useSignal('');
  const role = useSignal<Role>('viewer');
  const { problem, act, errorsAt } = useActing();
  const add = (event: Event): void => {
    event.preventDefault();
    void act(async () => {
      await call('POST', '/users', { body: { name: name.value, password: password.value, role: role.value } });
      name.value = '';
      password.value = '';
      onDone();
    });
  };
  const shown = { name: name.value, password: '$PASSWORD', role: role.value };
  return (
    <form class="card" onSubmit={add}>
      <h2>{t('access.add_user')}</h2>
      <TextField
        label={t('login.name')}
        value={name.value}
        errors={errorsAt('name')}
        onText={text => (name.value = text)}
        input={{ autoComplete: 'off' }}
      />
      <TextField
        label={t('login.password')}
        type="password"
        value={password.value}
        errors={errorsAt('password')}
        onText={text => (password.value = text)}
        input={{ autoComplete: 'new-password' }}
      />
      <Choice
        label={t('access.role')}
        value={role.value}
        options={roleOptions()}
        onChoice={word => (role.value = word)}
      />
      <ProblemNote problem={problem} />
      <button type="submit" class="primary">
        {t('access.add_user')}
      </button>
      <CopyAs
        change={{
          method: 'POST',
          path: '/users',
          body: shown,
          cli: ['user', 'add', shown.name, '--policy', POLICY_OF[shown.role]],
        }}
      />
    </form>
  );
}
