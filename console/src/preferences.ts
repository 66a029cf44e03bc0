import { effect, type Signal, signal } from '@preact/signals';

export type Theme = 'system' | 'dark' | 'light';
export type Language = 'en' | 'zh';
export type TimeStyle = 'local' | 'utc' | 'relative';

/** A choice of the reader that this browser keeps. */
function kept<T extends string>(name: string, words: readonly T[], first: T): Signal<T> {
  const stored = localStorage.getItem(`millrace.${name}`);
  const choice = signal<T>(words.find(word => word === stored) ?? first);
  effect(() => localStorage.setItem(`millrace.${name}`, choice.value));
  return choice;
}

export const THEMES = ['system', 'dark', 'light'] as const;
export const LANGUAGES = ['en', 'zh'] as const;
export const TIME_STYLES = ['local', 'utc', 'relative'] as const;

export const theme = kept<Theme>('theme', THEMES, 'system');
export const language = kept<Language>('language', LANGUAGES, navigator.language.startsWith('zh') ? 'zh' : 'en');
export const timeStyle = kept<TimeStyle>('time', TIME_STYLES, 'local');

effect(() => {
  const { dataset } = document.documentElement;
  if (theme.value === 'system') delete dataset.theme;
  else dataset.theme = theme.value;
});
effect(() => {
  document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en';
});
