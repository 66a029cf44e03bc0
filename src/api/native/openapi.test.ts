import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, test } from 'vitest';
import { openApiOf } from './openapi.ts';
import { ROUTES } from './routes.ts';
import { PICTURES } from './signal-routes.ts';

const document = openApiOf(ROUTES, { version: '1.2.3', streamPath: '/api/v1/events/stream' });
const operations = Object.values(document.paths as Record<string, Record<string, { operationId: string }>>).flatMap(
  it => Object.values(it),
);

test('the document is one of OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

test('it tells every call of the table, the stream and the pictures', () => {
  expect(operations).toHaveLength(ROUTES.length + 1 + PICTURES.length);
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
});

test('it tells the headers that a call heeds', () => {
  const { post } =
    (document.paths as Record<string, Record<string, { parameters: { name: string }[] }>>)['/api/v1/tasks'] ?? {};
  expect(post?.parameters.map(({ name }) => name)).toEqual(['Idempotency-Key']);
});

test('every reference leads somewhere', () => {
  const { schemas } = document.components as { schemas: Record<string, unknown> };
  const named = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name = '']) => name);
  expect([...new Set(named)].sort()).toEqual(Object.keys(schemas).sort());
});
