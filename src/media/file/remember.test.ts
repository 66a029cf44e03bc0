import { expect, it } from 'vitest';
import { keyOf, Memory } from './remember.ts';

const sized = (bytes: number) => () => bytes;

it('makes a value once and hands it to everyone after', async () => {
  const memory = new Memory(100);
  let made = 0;
  const make = async () => ++made;
  expect(await memory.remember('a', sized(10), make)).toBe(1);
  expect(await memory.remember('a', sized(10), make)).toBe(1);
  expect(memory.bytes).toBe(10);
});

it('lets those who come while it is being made wait for it', async () => {
  const memory = new Memory(100);
  const gate = Promise.withResolvers<string>();
  const first = memory.remember('a', sized(10), () => gate.promise);
  const second = memory.remember('a', sized(10), () => Promise.reject(new Error('made twice')));
  gate.resolve('one');
  expect(await Promise.all([first, second])).toEqual(['one', 'one']);
});

it('makes it anew for those who waited where the first maker failed', async () => {
  const memory = new Memory(100);
  const gate = Promise.withResolvers<string>();
  const first = memory.remember('a', sized(10), () => gate.promise);
  const others = [1, 2].map(n => memory.remember('a', sized(10), async () => `own ${n}`));
  gate.reject(new Error('called off'));
  await expect(first).rejects.toThrow('called off');
  expect(await Promise.all(others)).toEqual(['own 1', 'own 2']);
  expect(memory.bytes).toBe(10);
});

it('forgets what was used longest ago when the bound is reached', async () => {
  const memory = new Memory(25);
  for (const key of ['a', 'b']) await memory.remember(key, sized(10), async () => key);
  await memory.remember('a', sized(10), async () => 'anew');
  await memory.remember('c', sized(10), async () => 'c');
  expect(await memory.remember('a', sized(10), async () => 'anew')).toBe('a');
  expect(await memory.remember('b', sized(10), async () => 'anew')).toBe('anew');
  expect(memory.bytes).toBe(20);
});

it('shares a value larger than the bound with those who waited, and does not keep it', async () => {
  const memory = new Memory(25);
  let made = 0;
  const make = async () => ++made;
  const both = [memory.remember('a', sized(30), make), memory.remember('a', sized(30), make)];
  expect(await Promise.all(both)).toEqual([1, 1]);
  expect(memory.bytes).toBe(0);
  expect(await memory.remember('a', sized(30), make)).toBe(2);
});

it('tells versions of a file apart', () => {
  expect(keyOf('http://h/a', 'b')).not.toBe(keyOf('http://h/a', 'c'));
});
