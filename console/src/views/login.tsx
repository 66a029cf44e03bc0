import { useSignal } from '@preact/signals';
import { useActing } from '../acting.ts';
import { TextField } from '../parts/field.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { Pick } from '../parts/shell.tsx';
import { LANGUAGES, language } from '../preferences.ts';
import { logIn, visitor } from '../visitor.ts';
import { t } from '../words.ts';

export function Login() {
  const name = useSignal('');
  const password = useSignal('');
  const { problem, act } = useActing();
  const submit = (event: Event): void => {
    event.preventDefault();
    void act(() => logIn(name.value, password.value));
  };
  return (
    <main class="alone">
      <h1>{t('login.title')}</h1>
      {visitor.value?.setup_needed === true && <p class="note">{t('login.setup_needed')}</p>}
      <form onSubmit={submit}>
        <TextField
          label={t('login.name')}
          value={name.value}
          onText={text => (name.value = text)}
          input={{ autoComplete: 'username', required: true, name: 'name' }}
        />
        <TextField
          label={t('login.password')}
          type="password"
          value={password.value}
          onText={text => (password.value = text)}
          input={{ autoComplete: 'current-password', required: true, name: 'password' }}
        />
        <ProblemNote problem={problem} />
        <button type="submit" class="primary">
          {t('login.in')}
        </button>
      </form>
      <Pick label={t('settings.language')} words={LANGUAGES} choice={language} name="language" />
    </main>
  );
}
