import { useSignal } from '@preact/signals';
import { useActing } from '../acting.ts';
import { call } from '../api.ts';
import { useAnswer } from '../asked.ts';
import type { SignIn } from '../model.ts';
import { Answered } from '../parts/empty.tsx';
import { TextField } from '../parts/field.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { Remove } from '../parts/remove.tsx';
import { Time } from '../parts/time.tsx';
import { meetVisitor } from '../visitor.ts';
import { t } from '../words.ts';

/** Where people are logged in, and the visitor's own password. */
export function SignIns() {
  const answer = useAnswer<{ readonly sessions: readonly SignIn[] }>('/sessions');
  return (
    <>
      <Answered answer={answer}>
        {({ sessions }) => (
          <ul class="lines">
            {sessions.map(({ id, user, seen_at: seenAt, remote, agent, current }) => (
              <li key={id} class="line">
                <strong>{user}</strong>
                <span>{remote}</span>
                <span class="faint grow">{agent}</span>
                <span class="line-time">
                  <Time at={seenAt} />
                </span>
                {current ? (
                  <span class="tag">{t('access.this_one')}</span>
                ) : (
                  <Remove
                    name={`${user} ${remote}`}
                    path={`/sessions/${encodeURIComponent(id)}`}
                    onDone={answer.again}
                  />
                )}
              </li>
            ))}
          </ul>
        )}
      </Answered>
      <OwnPassword />
    </>
  );
}

function OwnPassword() {
  const former = useSignal('');
  const next = useSignal('');
  const told = useSignal('');
  const { problem, act } = useActing();
  const change = (event: Event): void => {
    event.preventDefault();
    void act(async () => {
      await call('POST', '/session/password', { body: { password: former.value, new_password: next.value } });
      await meetVisitor();
      former.value = '';
      next.value = '';
      told.value = t('access.password_done');
    });
  };
  return (
    <form class="card" onSubmit={change}>
      <h2>{t('access.own_password')}</h2>
      <TextField
        label={t('access.former_password')}
        type="password"
        value={former.value}
        onText={text => (former.value = text)}
        input={{ autoComplete: 'current-password' }}
      />
      <TextField
        label={t('access.new_password')}
        type="password"
        value={next.value}
        onText={text => (next.value = text)}
        input={{ autoComplete: 'new-password' }}
      />
      <ProblemNote problem={problem} />
      <p role="status">{told.value}</p>
      <button type="submit">{t('access.own_password')}</button>
    </form>
  );
}
