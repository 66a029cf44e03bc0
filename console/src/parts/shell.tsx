import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { feedState } from '../feed.ts';
import { elapsed } from '../format.ts';
import { isHelpShown } from '../keyboard.ts';
import { LANGUAGES, language, THEMES, TIME_STYLES, theme, timeStyle } from '../preferences.ts';
import { href, route } from '../router.ts';
import { logOut, may, visitor } from '../visitor.ts';
import { type Key, t } from '../words.ts';

const PLACES: readonly (readonly [path: string, label: Key, action?: string])[] = [
  ['', 'nav.now'],
  ['tasks', 'nav.tasks'],
  ['schedule', 'nav.schedule'],
  ['events', 'nav.events'],
  ['deliveries', 'nav.deliveries'],
  ['nodes', 'nav.nodes'],
  ['assets', 'nav.assets'],
  ['tools', 'nav.tools'],
  ['access', 'nav.access'],
  ['system', 'nav.system'],
];

export function Shell({ children }: { readonly children: ComponentChildren }) {
  const main = useRef<HTMLElement>(null);
  const place = route.value.path.slice(0, 2).join('/');
  // A new view begins at its top, and so does whoever has it read out.
  useEffect(() => {
    main.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [place]);
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        {t('nav.skip')}
      </button>
      <header class="top">
        <a class="brand" href={href([])}>
          <img src="/icon.svg" alt="" width="24" height="24" /> Millrace
        </a>
        <FeedMark />
        {may('millrace:tasks:create') && (
          <a class="button primary" href={href(['new'])}>
            {t('task.new')}
          </a>
        )}
        <Settings />
      </header>
      <nav class="side" aria-label={t('nav.label')}>
        {PLACES.map(([path, label]) => (
          <a key={path} href={href(path === '' ? [] : [path])} aria-current={isHere(path) ? 'page' : undefined}>
            {t(label)}
          </a>
        ))}
      </nav>
      <main id="main" ref={main} tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

const isHere = (path: string): boolean =>
  (route.value.path[0] ?? '') === path || (path === 'tasks' && route.value.path[0] === 'new');

/** Whether what is shown is true now. */
function FeedMark() {
  const { live, since } = feedState.value;
  return (
    <span class={`feed ${live ? 'feed-live' : 'feed-stale'}`} role="status">
      <span aria-hidden="true">{live ? '●' : '▲'}</span>{' '}
      {live ? t('feed.live') : t('feed.stale', { since: elapsed(since) })}
    </span>
  );
}

function Settings() {
  return (
    <details class="settings">
      <summary>
        {visitor.value?.user} <span aria-hidden="true">⚙</span>
        <span class="unseen">{t('settings.open')}</span>
      </summary>
      <div class="settings-body">
        <Pick label={t('settings.language')} words={LANGUAGES} choice={language} name="language" />
        <Pick label={t('settings.theme')} words={THEMES} choice={theme} name="theme" />
        <Pick label={t('settings.time')} words={TIME_STYLES} choice={timeStyle} name="time" />
        <button type="button" onClick={() => (isHelpShown.value = true)}>
          {t('help.title')}
        </button>
        <button type="button" onClick={() => void logOut()}>
          {t('login.out')}
        </button>
      </div>
    </details>
  );
}

interface PickProps<T extends string> {
  readonly label: string;
  readonly words: readonly T[];
  readonly choice: { value: T };
  readonly name: 'language' | 'theme' | 'time';
}

export function Pick<T extends string>({ label, words, choice, name }: PickProps<T>) {
  return (
    <fieldset class="pick">
      <legend>{label}</legend>
      {words.map(word => (
        <label key={word}>
          <input type="radio" name={name} checked={choice.value === word} onChange={() => (choice.value = word)} />
          {t(`${name}.${word}` as Key)}
        </label>
      ))}
    </fieldset>
  );
}
