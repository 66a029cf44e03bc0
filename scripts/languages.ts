// Keeps the documents the same in both languages: every page stands in English and in Chinese, with the same headings and
// the same code, and links to headings lead to some.
import { dirname, join, normalize } from 'node:path';
import type { TextFile } from './check-docs.ts';

/** A page and the one that says the same in Chinese. */
interface Pair {
  readonly english: string;
  readonly chinese: string;
}

const FOLDER = 'docs/zh/';
/** The only page of another folder that people begin with. */
const FRONT: Pair = { english: 'README.md', chinese: 'README.zh.md' };

/** Pages that are not there in both languages, and what differs where they are. */
export function languageProblems(documents: readonly TextFile[]): string[] {
  const texts = new Map(documents.map(({ path, text }) => [path, text]));
  return pairsOf([...texts.keys()]).flatMap(({ english, chinese }) => {
    const [one, other] = [texts.get(english), texts.get(chinese)];
    if (one === undefined) return [`${chinese}: there is no ${english}`];
    return other === undefined ? [`${english}: there is no ${chinese}`] : twinProblems(chinese, one, other);
  });
}

function pairsOf(paths: readonly string[]): Pair[] {
  const names = paths
    .filter(path => /^docs\/(zh\/)?[\w-]+\.md$/.test(path))
    .map(path => path.replace(FOLDER, '').replace('docs/', ''));
  return [FRONT, ...[...new Set(names)].map(name => ({ english: `docs/${name}`, chinese: `${FOLDER}${name}` }))];
}

function twinProblems(path: string, english: string, chinese: string): string[] {
  const [levels, theirs] = [english, chinese].map(text => headingsOf(text).map(({ level }) => level));
  const [blocks = [], copies = []] = [english, chinese].map(blocksOf);
  const [rows, copied] = [english, chinese].map(rowsOf);
  const foreign = blocks.findIndex((block, i) => block !== copies[i]);
  return [
    ...(levels?.join() === theirs?.join() ? [] : [`${path}: its headings are not those of the English page`]),
    ...(rows === copied ? [] : [`${path}: its tables have ${copied} rows, those of the English page ${rows}`]),
    ...(blocks.length === copies.length
      ? []
      : [`${path}: it has ${copies.length} blocks of code, the English page ${blocks.length}`]),
    ...(foreign === -1 ? [] : [`${path}: block ${foreign + 1} of code is not that of the English page`]),
  ];
}

const FENCED = /^ *```.*\n[\s\S]*?^ *```$/gm;

const blocksOf = (text: string): string[] => text.match(FENCED) ?? [];

const rowsOf = (text: string): number => (text.replace(FENCED, '').match(/^ *\|.*\|$/gm) ?? []).length;

interface Heading {
  readonly level: number;
  readonly title: string;
}

const headingsOf = (text: string): Heading[] =>
  [...text.replace(FENCED, '').matchAll(/^(#+) (.+)$/gm)].map(([, marks = '', title = '']) => ({
    level: marks.length,
    title,
  }));

/** As GitHub makes the anchor of a heading. */
const anchorOf = ({ title }: Heading): string =>
  title
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');

/** Links to a heading that is not there. */
export function anchorProblems(documents: readonly TextFile[]): string[] {
  const anchors = new Map(documents.map(({ path, text }) => [path, new Set(headingsOf(text).map(anchorOf))]));
  return documents.flatMap(({ path, text }) => {
    const links = [...text.replace(FENCED, '').matchAll(/\]\(((?![a-z]+:)[^)\s]*)#([^)\s]+)\)/g)];
    return links.flatMap(([, file = '', anchor = '']) => {
      const target = file === '' ? path : normalize(join(dirname(path), file));
      const there = anchors.get(target);
      return there === undefined || there.has(decodeURIComponent(anchor))
        ? []
        : [`${path}: ${target} has no heading for #${anchor}`];
    });
  });
}
