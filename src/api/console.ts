import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { headerValues } from './auth.ts';

/** A file of the console as it is sent: read once, for there are few and they are small. */
interface Page {
  readonly type: string;
  readonly bytes: Buffer;
  readonly packed: Buffer;
  readonly etag: string;
  readonly caching: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Nothing but what the node itself serves; pictures come to the player as blobs. */
const POLICY = [
  "default-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
} as const;

/** Files whose names hold a hash of what is in them never change. */
const FOREVER = 'public, max-age=31536000, immutable';
const ASK_EACH_TIME = 'no-cache';

/** Where `vite build` puts it. */
const BUILT = join(import.meta.dirname, '..', '..', 'console', 'dist');
const NOT_BUILT =
  '<!doctype html><title>Millrace</title><p>The console is not built. <code>npm start</code> builds it.';

/**
 * Serves the built console of a folder: its page at `/` and its files by their names. The root is the Alibaba dialect's
 * path too; a browser that opens it asks for HTML and sends no parameters, which none of that dialect's clients does.
 */
export function consoleRoutes(app: FastifyInstance, folder = BUILT): void {
  const pages = readPages(folder);
  const start = pages.get('/index.html') ?? pageOf('index.html', Buffer.from(NOT_BUILT));
  app.addHook('preHandler', (request, reply, next) => {
    if (!isBrowserAtRoot(request)) return next();
    send(request, reply, start);
  });
  for (const [path, page] of pages) {
    if (path !== '/index.html')
      app.get(path, { exposeHeadRoute: true }, (request, reply) => send(request, reply, page));
  }
}

/** Whether the path is one of those that are served; there are few kinds of files. */
export const isConsoleFile = (path: string): boolean => Object.hasOwn(TYPES, extname(path));

function isBrowserAtRoot({ method, url, raw: { rawHeaders } }: FastifyRequest): boolean {
  return (
    url === '/' &&
    method === 'GET' &&
    headerValues(rawHeaders, 'authorization').length === 0 &&
    headerValues(rawHeaders, 'accept').some(accept => accept.includes('text/html'))
  );
}

function readPages(folder: string): ReadonlyMap<string, Page> {
  if (!existsSync(folder)) return new Map();
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
  return new Map(
    files.map(entry => {
      const file = join(entry.parentPath, entry.name);
      const name = relative(folder, file).split(sep).join('/');
      return [`/${name}`, pageOf(name, readFileSync(file))];
    }),
  );
}

function pageOf(name: string, bytes: Buffer): Page {
  return {
    type: TYPES[extname(name)] ?? 'application/octet-stream',
    bytes,
    packed: gzipSync(bytes),
    etag: createHash('sha256').update(bytes).digest('base64url').slice(0, 22),
    caching: name.startsWith('assets/') ? FOREVER : ASK_EACH_TIME,
  };
}

function send({ raw: { rawHeaders } }: FastifyRequest, reply: FastifyReply, page: Page): FastifyReply {
  const isPacked = headerValues(rawHeaders, 'accept-encoding').some(given =>
    /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(given),
  );
  // The two are different bytes, so they bear different marks.
  const etag = `"${page.etag}${isPacked ? '-gz' : ''}"`;
  reply.headers({ ...HEADERS, etag, vary: 'accept-encoding', 'cache-control': page.caching });
  if (headerValues(rawHeaders, 'if-none-match').some(given => given.includes(etag))) return reply.code(304).send();
  if (isPacked) reply.header('content-encoding', 'gzip');
  return reply.header('content-type', page.type).send(isPacked ? page.packed : page.bytes);
}
