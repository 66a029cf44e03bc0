import { language } from './preferences.ts';
import { en } from './words/en.ts';
import type { Word } from './words/word.ts';
import { zh } from './words/zh.ts';

export type Key = keyof typeof en;

const BOOKS: Readonly<Record<'en' | 'zh', Readonly<Record<Key, Word>>>> = { en, zh };

type Fillings = Readonly<Record<string, string | number>>;

/** Says it in the reader's language; `n` chooses the form. */
export function t(key: Key, fillings: Fillings = {}): string {
  const word = BOOKS[language.value][key];
  const text = typeof word === 'string' ? word : formOf(word, Number(fillings.n ?? 0));
  return text.replace(/\{(\w+)\}/g, (hole, name: string) => String(fillings[name] ?? hole));
}

function formOf(word: Exclude<Word, string>, n: number): string {
  const form = new Intl.PluralRules(language.value).select(n);
  return (form === 'one' ? word.one : undefined) ?? word.other;
}

/** For words that the API speaks: those that are known are said in the reader's language, others as they came. */
export function tWord(group: string, word: string): string {
  const key = `${group}.${word}`;
  return key in en ? t(key as Key) : word.replaceAll('_', ' ');
}
