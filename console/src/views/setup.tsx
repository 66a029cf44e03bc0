import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useActing } from '../acting.ts';
import { call } from '../api.ts';
import { TextField } from '../parts/field.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { Pick } from '../parts/shell.tsx';
import { LANGUAGES, language } from '../preferences.ts';
import { go, href, route } from '../router.ts';
import { setUp } from '../visitor.ts';
import { type Key, t } from '../words.ts';

/** Behind the link that the node has printed at its first start: it makes the first admin. */
export function Setup() {
  const token = route.value.query.get('token') ?? route.value.path[1] ?? '';
  const name = useSignal('admin');
  const password = useSignal('');
  const { problem, act, errorsAt } = useActing();
  // Who opens it too late is told before anything is typed.
  useEffect(() => {
    void act(() => call('POST', '/setup/check', { body: { token } }));
  }, [token]);
  const submit = (event: Event): void => {
    event.preventDefault();
    void act(async () => {
      await setUp(token, name.value, password.value);
      go([]);
    });
  };
  return (
    <main class="alone">
      <h1>{t('setup.title')}</h1>
      <p>{t('setup.why')}</p>
      <Pick label={t('settings.language')} words={LANGUAGES} choice={language} name="language" />
      {problem?.code === 'LINK_VOID' ? (
        <>
          <ProblemNote problem={problem} />
          <p class="hint">{t('setup.another')}</p>
          <a class="button" href={href([])}>
            {t('login.in')}
          </a>
        </>
      ) : (
        <form onSubmit={submit}>
          <TextField
            label={t('login.name')}
            value={name.value}
            errors={errorsAt('name')}
            onText={text => (name.value = text)}
            input={{ autoComplete: 'username', required: true, name: 'name' }}
          />
          <TextField
            label={t('login.password')}
            type="password"
            hint={t(strengthOf(password.value))}
            value={password.value}
            errors={errorsAt('password')}
            onText={text => (password.value = text)}
            input={{ autoComplete: 'new-password', required: true, name: 'password' }}
          />
          <ProblemNote problem={problem} />
          <button type="submit" class="primary">
            {t('setup.make')}
          </button>
        </form>
      )}
    </main>
  );
}

/** A word for how hard it is to guess: its length, and how many different signs it has. */
function strengthOf(password: string): Key {
  const worth = password.length + new Set(password).size / 2;
  if (password === '') return 'setup.rule';
  return worth < 14 ? 'setup.weak' : worth < 22 ? 'setup.fair' : 'setup.strong';
}
