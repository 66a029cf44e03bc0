import { expect, it } from 'vitest';
import { isAccessKeyId, isProjectId } from './account.ts';

it('takes the ids of the clouds and simple ones of our own', () => {
  expect(['QTWAOYTTINDUT2QVKYUC', 'test-key'].every(isAccessKeyId)).toBe(true);
  expect(['0a1b2c3d4e5f60718293a4b5c6d7e8f9', 'demo'].every(isProjectId)).toBe(true);
});

it('refuses ids that would not survive a path or a header', () => {
  expect(['abc', 'a b c d', 'key,SignedHeaders', 'ключи', 'x'.repeat(65), 'line\nbreak'].some(isAccessKeyId)).toBe(
    false,
  );
  expect(['', 'a/b', '..%2f', 'p?q', 'x'.repeat(65)].some(isProjectId)).toBe(false);
});
