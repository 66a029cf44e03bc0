/** The request target as it stood on the request line, taken apart and decoded once. */
export interface Target {
  readonly segments: readonly string[];
  /** In the order of the wire; a name may stand more than once. */
  readonly query: readonly Pair[];
}

export type Pair = readonly [name: string, value: string];

/** Answers undefined where the target is not an absolute path or does not decode to UTF-8. */
export function readTarget(raw: string): Target | undefined {
  if (!raw.startsWith('/')) return undefined;
  const mark = raw.indexOf('?');
  const path = mark < 0 ? raw : raw.slice(0, mark);
  const query = mark < 0 ? '' : raw.slice(mark + 1);
  const pairs = readPairs(query);
  const segments = decoded(() => path.split('/').map(decodeURIComponent));
  return pairs === undefined || segments === undefined ? undefined : { segments, query: pairs };
}

/** The pairs of a query or of a form; undefined where they do not decode to UTF-8. */
export const readPairs = (text: string): readonly Pair[] | undefined => decoded(() => splitPairs(text));

function splitPairs(text: string): Pair[] {
  const pairs: Pair[] = [];
  for (const piece of text.split('&')) {
    if (piece === '') continue;
    const equals = piece.indexOf('=');
    const name = equals < 0 ? piece : piece.slice(0, equals);
    const value = equals < 0 ? '' : piece.slice(equals + 1);
    pairs.push([decodeForm(name), decodeForm(value)]);
  }
  return pairs;
}

const decodeForm = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

function decoded<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
