import type { TSchema } from 'typebox';
import { ANSWERS } from './error.ts';
import { NOTHING, REPEATS } from './params.ts';
import { STREAMED } from './queries.ts';
import type { Route } from './route.ts';
import { PROBLEM } from './schema.ts';
import { PICTURES } from './signal-routes.ts';

/** A part of the document. */
type Part = Readonly<Record<string, unknown>>;

export interface DocumentFacts {
  readonly version: string;
  readonly streamPath: string;
}

/** The whole API as OpenAPI 3.1 has it, from the table that also serves it. */
export function openApiOf(routes: readonly Route[], { version, streamPath }: DocumentFacts): Part {
  const components = new Map<string, unknown>();
  const printed = routes.map(
    route => [pathOf(route.path), route.method.toLowerCase(), printRoute(route, components)] as const,
  );
  const pictures = PICTURES.map(
    ({ path, summary }) => [pathOf(path), 'get', printPicture(path, summary, components)] as const,
  );
  const stream = [streamPath, 'get', printStream(components)] as const;
  const paths: Record<string, Record<string, Part>> = {};
  for (const [path, method, operation] of [...printed, stream, ...pictures]) {
    paths[path] = { ...paths[path], [method]: operation };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Millrace', version, description: ABOUT, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }, { session: [], csrf: [] }],
    paths,
    components: { schemas: Object.fromEntries(components), securitySchemes: SECURITY },
  };
}

const ABOUT =
  'What the console and the command line use. Requests may also be signed as the clouds’ clients sign them. ' +
  'Refusals are problems of RFC 9457; docs/problems.md says what each code asks of its reader.';

const SECURITY = {
  apiKey: { type: 'http', scheme: 'bearer', description: 'An API key: mlr_…' },
  session: { type: 'apiKey', in: 'cookie', name: 'millrace_session', description: 'Of whoever has logged in' },
  csrf: {
    type: 'apiKey',
    in: 'header',
    name: 'X-Millrace-Csrf',
    description: 'Beside the cookie, where something is changed',
  },
};

const pathOf = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}');

function printRoute(route: Route, components: Map<string, unknown>): Part {
  const { method, path, action, summary, query, body, heeds, answer, status } = route;
  return {
    operationId: operationOf(method, path),
    summary,
    tags: [path.split('/')[3] ?? ''],
    ...(String(action) === 'open' ? { security: [] } : {}),
    'x-action': action,
    parameters: [...printNames(path), ...printQuery(query, components), ...printHeads(heeds)],
    ...(body === undefined || body === NOTHING ? {} : { requestBody: printBody(body, components) }),
    responses: {
      [status]: { description: 'Done', content: { 'application/json': { schema: print(answer, components) } } },
      default: printProblem(components),
    },
  };
}

function printStream(components: Map<string, unknown>): Part {
  return {
    operationId: 'getEventsStream',
    summary: 'Tells events as they happen, as server-sent events',
    tags: ['events'],
    'x-action': 'millrace:events:list',
    parameters: [
      ...printQuery(STREAMED, components),
      { name: 'Last-Event-ID', in: 'header', schema: { type: 'string' }, description: 'Counts above `after`' },
    ],
    responses: {
      200: { description: 'Open', content: { 'text/event-stream': { schema: { type: 'string' } } } },
      default: printProblem(components),
    },
  };
}

function printPicture(path: string, summary: string, components: Map<string, unknown>): Part {
  return {
    operationId: operationOf('GET', path),
    summary,
    tags: ['tasks'],
    'x-action': 'millrace:tasks:list',
    parameters: printNames(path),
    responses: {
      200: { description: 'Open', content: { 'video/x-flv': { schema: { type: 'string', format: 'binary' } } } },
      default: printProblem(components),
    },
  };
}

/** `postTasksByIdStart` */
function operationOf(method: string, path: string): string {
  const words = path.split('/').slice(3);
  const names = words.flatMap(word => (word.startsWith(':') ? ['By', word.slice(1)] : word.split(/[^A-Za-z0-9]+/)));
  return method.toLowerCase() + names.map(name => name.slice(0, 1).toUpperCase() + name.slice(1)).join('');
}

const printNames = (path: string): readonly Part[] =>
  [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    ...{ name, in: 'path', required: true },
    schema: { type: 'string' },
  }));

function printQuery(query: TSchema, components: Map<string, unknown>): readonly Part[] {
  const { properties = {} } = query as { readonly properties?: Readonly<Record<string, TSchema>> };
  return Object.entries(properties).map(([name, field]) => ({
    ...{ name, in: 'query', schema: print(field, components) },
    ...(REPEATS in field ? { style: 'form', explode: false } : {}),
  }));
}

const printHeads = (heeds: Route['heeds']): readonly Part[] =>
  Object.entries(heeds).map(([name, description]) => ({
    ...{ name, in: 'header', description },
    schema: { type: 'string' },
  }));

const printBody = (body: TSchema, components: Map<string, unknown>): Part => ({
  content: { 'application/json': { schema: print(body, components) } },
});

const printProblem = (components: Map<string, unknown>): Part => ({
  description: `Refused: ${[...new Set(Object.values(ANSWERS).map(({ status }) => status))].join(', ')}`,
  content: { 'application/problem+json': { schema: print(PROBLEM, components) } },
});

/** What has a title stands once, under that name. */
function print(value: unknown, components: Map<string, unknown>): unknown {
  if (Array.isArray(value)) return value.map(it => print(it, components));
  if (typeof value !== 'object' || value === null) return value;
  const title = 'title' in value && typeof value.title === 'string' ? value.title : undefined;
  if (title === undefined) return printInner(value, components);
  if (!components.has(title)) {
    components.set(title, undefined);
    components.set(title, printInner(value, components));
  }
  return { $ref: `#/components/schemas/${title}` };
}

const printInner = (value: object, components: Map<string, unknown>): Part =>
  Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'title' && name !== REPEATS)
      .map(([name, inner]) => [
        name,
        name === 'properties' ? printFields(inner, components) : print(inner, components),
      ]),
  );

/** Names of fields are no words of a schema's own. */
const printFields = (fields: object, components: Map<string, unknown>): Part =>
  Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, print(field, components)]));
