// Receives callbacks of Millrace: checks who sent them, takes each event once, prints it. Node 24 or newer, no packages.
//   MILLRACE_CALLBACK_SECRET=whsec_… PORT=9000 node receiver.ts
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';

const { MILLRACE_CALLBACK_SECRET = '', PORT = '9000' } = process.env;
// Two while a secret is replaced: the new one and the former one, with a blank between them.
const keys = [...MILLRACE_CALLBACK_SECRET.matchAll(/whsec_(\S+)/g)].map(found => Buffer.from(found[1] ?? '', 'base64'));
if (keys.length === 0) throw new Error('MILLRACE_CALLBACK_SECRET is not set');
const TOLERANCE_S = 300;
const MOST_BYTES = 4 << 20;
// In earnest these belong into the database, in the transaction that acts on the event.
const seen = new Set<string>();

function isGenuine(headers: IncomingHttpHeaders, body: Buffer): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signatures } = headers;
  if (!(Math.abs(Date.now() / 1000 - Number(at)) <= TOLERANCE_S)) return false;
  const given = String(signatures).matchAll(/v1,(\S+)/g);
  const bytes = [...given].map(found => Buffer.from(found[1] ?? '', 'base64')).filter(({ length }) => length === 32);
  const wanted = keys.map(key => createHmac('sha256', key).update(`${id}.${at}.`).update(body).digest());
  return wanted.some(want => bytes.some(one => timingSafeEqual(one, want)));
}

createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MOST_BYTES) return request.destroy();
  }
  const body = Buffer.concat(chunks);
  if (!isGenuine(request.headers, body)) return response.writeHead(401).end();
  const id = String(request.headers['webhook-id']);
  if (!seen.has(id)) console.log(id, body.toString());
  seen.add(id);
  return response.writeHead(204).end();
}).listen(Number(PORT), '127.0.0.1');
