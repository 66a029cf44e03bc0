/** What a reader of the error catalogue is told of one code, in each language. */
export interface Entry {
  readonly en: Advice;
  readonly zh: Advice;
}

export interface Advice {
  readonly means: string;
  readonly remedy: string;
}

export type Language = keyof Entry;

/** By code: what it means and what to do, in English and in Chinese. */
export type Catalogue<Code extends string = string> = Readonly<Record<Code, Entry>>;

export const entry = (means: string, remedy: string, meansZh: string, remedyZh: string): Entry => ({
  en: { means, remedy },
  zh: { means: meansZh, remedy: remedyZh },
});
