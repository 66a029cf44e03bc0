import { signal } from '@preact/signals';

/** Where the reader is: the hash of the address, so that every view can be linked to and the node serves one page. */
export interface Route {
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

export const route = signal<Route>(readHash(location.hash));

export function readHash(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const parts = path.split('/').filter(part => part !== '');
  return { path: parts.map(decoded), query: new URLSearchParams(query) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a view, as links carry it. */
export function href(path: readonly string[], query: Readonly<Record<string, string>> = {}): string {
  const filled = Object.entries(query).filter(([, value]) => value !== '');
  const search = filled.length === 0 ? '' : `?${new URLSearchParams(filled)}`;
  return `#/${path.map(encodeURIComponent).join('/')}${search}`;
}

export function go(path: readonly string[], query: Readonly<Record<string, string>> = {}): void {
  location.hash = href(path, query);
}

/** Changes what the address asks for without a step in the history: for filters that are typed. */
export function refine(query: Readonly<Record<string, string>>): void {
  history.replaceState(null, '', href(route.value.path, query));
  route.value = readHash(location.hash);
}

addEventListener('hashchange', () => {
  route.value = readHash(location.hash);
});
