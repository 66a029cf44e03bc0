import { requireConformance } from './conformance.ts';
import { configuration } from './shared-servers.ts';

// Set up for every product test: whoever asks a node's native API by `fetch` gets answers as its document has them.

const bare = globalThis.fetch;
const isOnTwo = configuration() === '2';

globalThis.fetch = async (input, init) => {
  const answer = await bare(input, isOnTwo ? onceAConnection(input, init) : init);
  const { pathname, search } = new URL(answer.url);
  const contentType = answer.headers.get('content-type') ?? '';
  if (!pathname.startsWith('/api/v1/') || !/json/.test(contentType)) return answer;
  const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
  const body = await answer.clone().text();
  requireConformance({
    method: method.toUpperCase(),
    url: pathname + search,
    status: answer.status,
    contentType,
    body,
  });
  return answer;
};

/** So that the next request comes to the other node. */
function onceAConnection(input: Parameters<typeof fetch>[0], init: RequestInit | undefined): RequestInit {
  const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
  headers.set('connection', 'close');
  return { ...init, headers };
}
