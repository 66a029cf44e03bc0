import { expect, test } from 'vitest';
import { type NativeAnswer, requireConformance } from './conformance.ts';

const answer = (change: Partial<NativeAnswer> = {}): NativeAnswer => ({
  ...{ method: 'GET', url: '/api/v1/endpoints', status: 200, contentType: 'application/json; charset=utf-8' },
  body: '{"endpoints":[]}',
  ...change,
});

const problem = (change: object = {}): Partial<NativeAnswer> => ({
  status: 404,
  contentType: 'application/problem+json; charset=utf-8',
  body: JSON.stringify({
    ...{ type: '/docs/problems#NOT_FOUND', title: 'There is nothing here', status: 404, code: 'NOT_FOUND' },
    ...{ detail: 'There is no such task.', errors: [], request_id: 'r1' },
    ...change,
  }),
});

test.each([
  ['an answer as it is told', {}],
  ['a refusal as it is told', problem()],
  [
    'a path with an id',
    { method: 'POST', url: '/api/v1/deliveries/d1/redeliver', status: 202, body: '{"redelivered":1}' },
  ],
  ['an answer without a body', { method: 'HEAD', body: '' }],
  ['what is not of this API', { url: '/healthz', body: '{"status":"ok"}' }],
])('%s conforms', (_, change) => {
  expect(() => requireConformance(answer(change))).not.toThrow();
});

test.each([
  ['a field that is not told', { body: '{"endpoints":[],"more":1}' }],
  ['a field that is missing', { body: '{}' }],
  ['a field of another kind', { body: '{"endpoints":null}' }],
  ['a status that is not told', { status: 203 }],
  [
    'a time that is none',
    {
      url: '/api/v1/callbacks/secret',
      body: '{"secrets":[{"id":"1","created_at":"yesterday","retires_at":null}]}',
    },
  ],
  ['a path that is not told', { url: '/api/v1/nothing' }],
  ['a method that is not told', { method: 'PUT' }],
  ['a refusal that is no problem', { status: 404, body: '{"error":"no"}' }],
  ['a problem without its request', problem({ request_id: undefined })],
  ['a problem that says more', problem({ stack: 'at x' })],
])('%s deviates', (_, change) => {
  expect(() => requireConformance(answer(change))).toThrow(/answered/);
});
