import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

/* Renders the few words of Helm's templates that our chart uses, and fails at any other: no machine of ours has Helm. */

type Scope = Readonly<Record<string, unknown>>;

export interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly values: Scope;
}

export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Scope;
}

export const chartValues = (chart: string): Scope => parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as Scope;

/** All objects of the chart, as the cluster would be handed them. */
export function renderChart(chart: string, release: Release): readonly Manifest[] {
  const folder = join(chart, 'templates');
  return readdirSync(folder)
    .filter(name => name.endsWith('.yaml'))
    .flatMap(name => parseAllDocuments(render(readFileSync(join(folder, name), 'utf8'), scopeOf(release))))
    .map(document => {
      if (document.errors[0] !== undefined) throw document.errors[0];
      return document.toJS() as Manifest;
    });
}

const scopeOf = ({ name, namespace, values }: Release): Scope => ({
  '.Values': values,
  '.Release': { Name: name, Namespace: namespace },
});

type Piece = { readonly text: string } | { readonly action: string };

/** What stands between the braces, and the text around it; a dash at the opening brace takes the white space before it. */
function piecesOf(template: string): Piece[] {
  return template.split(/(\{\{-? .*? \}\})/).flatMap((piece, i, all): Piece[] => {
    const next = all[i + 1] ?? '';
    if (i % 2 === 0) return [{ text: next.startsWith('{{-') ? piece.trimEnd() : piece }];
    return [{ action: piece.replace(/^\{\{-? | \}\}$/g, '') }];
  });
}

export function render(template: string, scope: Scope): string {
  const pieces = piecesOf(template);
  const { text, next } = renderUntilEnd(pieces, 0, scope);
  if (next < pieces.length) throw new Error('an end without its beginning');
  return text;
}

interface Rendered {
  readonly text: string;
  readonly next: number;
}

function renderUntilEnd(pieces: readonly Piece[], from: number, scope: Scope): Rendered {
  let text = '';
  for (let at = from; at < pieces.length; at++) {
    const piece = pieces[at] ?? { text: '' };
    if ('text' in piece) text += piece.text;
    else if (piece.action === 'end') return { text, next: at };
    else if (/^(if|range) /.test(piece.action)) {
      const block = renderBlock(piece.action, { pieces, from: at + 1, scope });
      text += block.text;
      at = block.next;
    } else text += String(outcomeOf(piece.action, scope));
  }
  return { text, next: pieces.length };
}

function renderBlock(
  action: string,
  { pieces, from, scope }: { readonly pieces: readonly Piece[]; readonly from: number; readonly scope: Scope },
): Rendered {
  const scopes = scopesOf(action, scope);
  // Rendered once where it is not wanted, too: that finds its end.
  const rendered = (scopes.length === 0 ? [undefined] : scopes).map(inner =>
    renderUntilEnd(pieces, from, inner ?? { ...scope, absent: true }),
  );
  const next = rendered[0]?.next ?? from;
  if (next >= pieces.length) throw new Error(`no end of ${action}`);
  return { text: scopes.length === 0 ? '' : rendered.map(({ text }) => text).join(''), next };
}

/** One for each time that a block is to be rendered. */
function scopesOf(action: string, scope: Scope): Scope[] {
  const ranged = /^range (\$\w+), (\$\w+) := (\S+)$/.exec(action);
  if (ranged === null) return isTrue(outcomeOf(action.replace(/^if /, ''), scope)) ? [scope] : [];
  const [, name = '', value = '', path = ''] = ranged;
  const entries = Object.entries(lookUp(path, scope) as Scope).sort(([one], [other]) => (one < other ? -1 : 1));
  return entries.map(([key, each]) => ({ ...scope, [name]: key, [value]: each }));
}

const isTrue = (value: unknown): boolean => value !== '' && value !== 0 && value !== false && value !== null;

function outcomeOf(action: string, scope: Scope): unknown {
  const [call = '', ...filters] = action.split(' | ');
  return filters.reduce(
    (value, filter) => {
      if (filter !== 'quote') throw new Error(`no filter ${filter}`);
      return JSON.stringify(String(value));
    },
    called(call, scope),
  );
}

function called(call: string, scope: Scope): unknown {
  const [word = '', ...args] = call.match(/"[^"]*"|\S+/g) ?? [];
  const values = args.map(arg => lookUp(arg, scope));
  if (args.length === 0) return lookUp(word, scope);
  if (word === 'toJson' && args.length === 1) return JSON.stringify(values[0]);
  if (word === 'add' && args.length === 2) return Number(values[0]) + Number(values[1]);
  if (word === 'required' && args.length === 2) return required(String(values[0]), values[1]);
  throw new Error(`nothing is known of ${call}`);
}

function required(message: string, value: unknown): unknown {
  if (value === '' || value === undefined) throw new Error(message);
  return value;
}

function lookUp(word: string, scope: Scope): unknown {
  if (/^("|\d)/.test(word)) return JSON.parse(word);
  const [root = '', ...names] = word.startsWith('$') ? [word] : word.split(/(?=\.)/);
  let value: unknown = scope[root];
  for (const name of names) value = (value as Scope | undefined)?.[name.slice(1)];
  if (value === undefined && scope.absent !== true) throw new Error(`there is no ${word}`);
  return value;
}
