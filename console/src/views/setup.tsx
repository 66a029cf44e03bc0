import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { asProblem, call, type Problem } from '../api.ts';
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
  const problem = useSignal<Problem | undefined>(undefined);
  // Who opens it too late is told before anything is typed.
  useEffect(() => {
    call('POST', '/setup/check', { body: { token } }).catch(error => {
      problem.value = asProblem(error);
    });
  }, [token]);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    problem.value = undefined;
    await setUp(token, name.value, password.value).then(
      () => go([]),
      error => {
        problem.value = asProblem(error);
      },
    );
  };
  const errorsAt = (field: string): readonly string[] =>
    (problem.value?.errors ?? []).filter(error => error.field === field).map(({ rule }) => rule);
  return (
    <main class="alone">
      <h1>{t('setup.title')}</h1>
      <p>{t('setup.why')}</p>
      <Pick label={t('settings.language')} words={LANGUAGES} choice={language} name="language" />
      {problem.value?.code === 'LINK_VOID' ? (
        <>
          <ProblemNote problem={problem.value} />
          <p class="hint">{t('setup.another')}</p>
          <a class="button" href={href([])}>
            {t('login.in')}
          </a>
        </>
      ) : (
        <form onSubmit={event => void submit(event)}>
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
          <ProblemNote problem={problem.value} />
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
