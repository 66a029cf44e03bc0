import { createReadStream, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Place } from './place.ts';

/** A web server for the files of a directory, with byte ranges; answers where it serves them. */
export async function serveFiles(place: Place, dir: string): Promise<string> {
  const server = createServer((request, response) => serve(dir, request, response));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  place.own(server, it => {
    it.closeAllConnections();
    return new Promise(resolve => it.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

function serve(dir: string, request: IncomingMessage, response: ServerResponse): void {
  const file = join(dir, new URL(request.url ?? '/', 'http://host').pathname);
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) {
    response.writeHead(404).end();
    return;
  }
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from ?? 0);
  const end = Math.min(to === undefined || to === '' ? stat.size - 1 : Number(to), stat.size - 1);
  const length = { 'content-length': end - start + 1, etag: `"${stat.size}-${stat.mtimeMs}"` };
  const range = { 'content-range': `bytes ${start}-${end}/${stat.size}`, 'accept-ranges': 'bytes' };
  if (start > end) response.writeHead(416, { 'content-range': `bytes */${stat.size}` }).end();
  else {
    response.writeHead(from === undefined ? 200 : 206, from === undefined ? length : { ...length, ...range });
    createReadStream(file, { start, end }).pipe(response);
  }
}
