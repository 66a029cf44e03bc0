/** The request target as it stood on the request line, taken apart and decoded once. */
export interface Target {
  readonly segments: readonly string[];
  /** In the order of the wire; a name may stand more than once. */
  readonly query: readonly (readonly [name: string, value: string])[];
}

/** Answers undefined where the target is not an absolute path or does not decode to UTF-8. */
export function readTarget(raw: string): Target | undefined {
  if (!raw.startsWith('/')) return undefined;
  const mark = raw.indexOf('?');
  const path = mark < 0 ? raw : raw.slice(0, mark);
  const query = mark < 0 ? '' : raw.slice(mark + 1);
  try {
    return { segments: path.split('/').map(decodeURIComponent), query: readQuery(query) };
  } catch {
    return undefined;
  }
}

function readQuery(text: string): [string, string][] {
  const pairs: [string, string][] = [];
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
