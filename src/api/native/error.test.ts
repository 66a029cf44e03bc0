import { expect, test } from 'vitest';
import { UnknownTask } from '../../task/error.ts';
import { Refusal } from '../refusal.ts';
import { asAnswer, invalid, NativeError, printError, throttled } from './error.ts';

const logged: unknown[] = [];
const log = { info: () => {}, error: (facts: object) => logged.push(facts) };

const storeFault = (kind: string): Error => Object.assign(new Error('x'), { name: 'StoreFault', kind });

test.each([
  [invalid([{ field: 'limit', rule: 'must be an integer' }]), 400, 'INVALID_PARAMETER'],
  [new UnknownTask('t1'), 404, 'NOT_FOUND'],
  [new Refusal('noRoute'), 404, 'NOT_FOUND'],
  [new Refusal('malformed'), 400, 'MALFORMED_REQUEST'],
  [new Refusal('bodyTooLarge'), 413, 'BODY_TOO_LARGE'],
  [new Refusal('mediaType'), 415, 'UNSUPPORTED_MEDIA_TYPE'],
  [storeFault('full'), 507, 'STORAGE_FULL'],
  [storeFault('readOnly'), 507, 'STORAGE_FULL'],
  [storeFault('busy'), 503, 'UNAVAILABLE'],
  [storeFault('gone'), 503, 'UNAVAILABLE'],
  [storeFault('broken'), 500, 'INTERNAL'],
  [new Error('CANARY'), 500, 'INTERNAL'],
  ['CANARY', 500, 'INTERNAL'],
])('%s is answered with %i %s', (error, status, code) => {
  const printed = printError(asAnswer(error, 'r1', log), 'r1');
  expect(printed).toMatchObject({ status, body: { status, code, type: `/docs/problems#${code}`, request_id: 'r1' } });
  expect(printed.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(JSON.stringify(printed)).not.toContain('CANARY');
});

test('what nobody expected is logged', () => {
  logged.length = 0;
  const cause = new Error('a bug');
  asAnswer(cause, 'r1', log);
  expect(logged).toEqual([{ requestId: 'r1', err: cause }]);
});

test('every field that is wrong is told, in the detail too', () => {
  const errors = [
    { field: 'limit', rule: 'must be an integer' },
    { field: 'x', rule: 'is not known here' },
  ];
  const { body } = printError(invalid(errors), 'r1');
  expect(body).toMatchObject({ errors, detail: 'limit: must be an integer; x: is not known here.' });
});

test('a wait is told in whole seconds, and never none', () => {
  expect(printError(throttled('x', 1_001), 'r1').headers['retry-after']).toBe('2');
  expect(printError(throttled('x', 1), 'r1').headers['retry-after']).toBe('1');
});

test('a refusal says what the path does take, and how to be known', () => {
  const refused = new NativeError('METHOD_NOT_ALLOWED', 'x', { allow: ['GET', 'HEAD'] });
  expect(printError(refused, 'r1').headers.allow).toBe('GET, HEAD');
  expect(printError(new NativeError('UNAUTHENTICATED', 'x'), 'r1').headers['www-authenticate']).toMatch(/^Bearer/);
});
