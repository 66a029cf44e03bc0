import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AlibabaAnswer, AlibabaClient, type AlibabaKey } from './lab/alibaba-client.ts';
import { openPatientDoor } from './lab/alibaba-sdks.ts';
import type { Answer } from './lab/huawei.ts';
import { HuaweiClient, type Key } from './lab/huawei.ts';
import { Millrace } from './lab/millrace.ts';
import { Place } from './lab/place.ts';
import { pass, until } from './lab/wait.ts';

// Whose calls are counted together, and which; what a throttled client is told is in alibaba-throttle.test.ts.

const ALIBABA = 10;
const HUAWEI = 3;
const VERBS = ['Create', 'Update', 'Restart', 'Stop', 'Delete', 'Describe'];
const ACTIONS = [...VERBS.map(verb => `${verb}LivePullToPush`), 'DescribeLivePullToPushList'];
const REGION = { Region: 'cn-shanghai' };
const SECOND_MS = 1_000;

let place: Place;
let node: Millrace;

beforeAll(async () => {
  place = new Place();
  const flags = ['--workers', '1', '--rtmp', 'off', '--huawei-calls-per-second', String(HUAWEI)];
  // Of several nodes each may let a second's calls through before it hears of the others'.
  node = await Millrace.start(place, { flags, isAlone: true });
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

async function makeKey(...flags: string[]): Promise<AlibabaKey & Key> {
  const made = JSON.parse(await node.command('key', 'create', '--json', ...flags));
  const { accessKey, secretKey, projectId, securityToken } = made;
  return { accessKey, secretKey, projectId, ...(securityToken === undefined ? {} : { token: securityToken }) };
}

const by = (key: AlibabaKey): AlibabaClient => new AlibabaClient(node.api, key);
const codeOf = ({ body }: AlibabaAnswer): string => body.Code ?? 'OK';

/**
 * What calls made at once are answered. Only within one second does their number say anything, so a machine that was
 * too busy for it does it again when that second is over.
 */
function together<T>(calls: readonly (() => Promise<T>)[]): Promise<readonly T[]> {
  return until('the calls are made within a second', async () => {
    await pass(SECOND_MS);
    const startedAt = performance.now();
    const answers = await Promise.all(calls.map(call => call()));
    return performance.now() - startedAt < SECOND_MS ? answers : undefined;
  });
}

const times = <T>(count: number, call: () => Promise<T>): (() => Promise<T>)[] => Array(count).fill(call);
const count = (codes: readonly string[], code: string): number => codes.filter(other => other === code).length;

describe('ten calls a second', () => {
  test.each(ACTIONS)('are let through of %s, and not one more', async action => {
    const client = by(node.key);
    const codes = (await together(times(ALIBABA + 3, () => client.call(action)))).map(codeOf);
    expect([count(codes, 'MissingRegion'), count(codes, 'Throttling.User')]).toEqual([ALIBABA, 3]);
  });

  test('are those of each operation by itself, and all of them at once', async () => {
    const client = by(node.key);
    const codes = (await together(ACTIONS.flatMap(action => times(ALIBABA, () => client.call(action))))).map(codeOf);
    expect(count(codes, 'MissingRegion')).toBe(ACTIONS.length * ALIBABA);
  });

  test('are those of all keys of an account, in either signature', async () => {
    const keys = [node.key, await makeKey(), await makeKey('--temporary', '1h')];
    const calls = keys.flatMap(key => times(4, () => by(key).call('StopLivePullToPush', {}, { mode: 'classic' })));
    const v3 = times(2, () => by(node.key).call('StopLivePullToPush'));
    const codes = (await together([...calls, ...v3])).map(codeOf);
    expect([count(codes, 'MissingRegion'), count(codes, 'Throttling.User')]).toEqual([ALIBABA, 4]);
  });

  test('are those of one account and no other', async () => {
    const other = await makeKey('--account', 'other');
    const own = times(ALIBABA, () => by(node.key).call('StopLivePullToPush'));
    const foreign = times(ALIBABA, () => by(other).call('StopLivePullToPush'));
    const codes = (await together([...own, ...foreign])).map(codeOf);
    expect([count(codes, 'MissingRegion'), count(codes, 'CodeInvalidAliUid')]).toEqual([ALIBABA, ALIBABA]);
  });

  test('are not used up by calls that nobody may make, or nobody has signed', async () => {
    const bound = await makeKey('--policy', 'ReadOnlyAccess');
    const denied = times(ALIBABA, () => by(bound).call('StopLivePullToPush'));
    const forged = times(3, () => by({ ...node.key, secretKey: 'x'.repeat(40) }).call('StopLivePullToPush'));
    const good = times(ALIBABA, () => by(node.key).call('StopLivePullToPush'));
    const codes = (await together([...denied, ...forged, ...good])).map(codeOf);
    const counts = ['NoPermission', 'SignatureDoesNotMatch', 'MissingRegion'].map(code => count(codes, code));
    expect(counts).toEqual([ALIBABA, 3, ALIBABA]);
  });

  test("are enough for the vendor's client when it waits as it is told", async () => {
    const call = openPatientDoor(node.api, node.key);
    const startedAt = performance.now();
    const lists = await Promise.all(
      times(ALIBABA + 5, () => call('DescribeLivePullToPushList', REGION)).map(one => one()),
    );
    expect(lists.map(({ Total }) => Total)).toEqual(Array(ALIBABA + 5).fill(0));
    // Had none of them waited, the limit would not have been held.
    expect(performance.now() - startedAt).toBeGreaterThan(SECOND_MS / 2);
  });
});

describe('the calls of the other dialect', () => {
  const list = (key: Key) => (): Promise<Answer> => new HuaweiClient(node.api, key).call({ method: 'GET' });
  const remove = (key: Key) => (): Promise<Answer> => new HuaweiClient(node.api, key).remove('none');
  const said = ({ status, body }: Answer): string => `${status} ${body.error_code ?? ''}`.trim();

  test('are held to the number that is asked for, by operation and account', async () => {
    const other = await makeKey('--account', 'another');
    const answers = await together([
      ...times(HUAWEI + 2, list(node.key)),
      ...times(HUAWEI, list(other)),
      ...times(HUAWEI + 1, remove(node.key)),
    ]);
    const lists = answers.slice(0, HUAWEI + 2).map(said);
    expect([count(lists, '200'), count(lists, '429 APIG.0308')]).toEqual([HUAWEI, 2]);
    expect(answers.slice(HUAWEI + 2, 2 * HUAWEI + 2).map(said)).toEqual(Array(HUAWEI).fill('200'));
    const removals = answers.slice(2 * HUAWEI + 2).map(said);
    expect([count(removals, '404 LIVE.103011019'), count(removals, '429 APIG.0308')]).toEqual([HUAWEI, 1]);
  });

  test('go on after the seconds that a throttled one is told', async () => {
    const answers = await together(times(HUAWEI + 1, list(node.key)));
    const throttled = answers.find(({ status }) => status === 429);
    const seconds = Number(throttled?.headers.get('retry-after'));
    expect(seconds).toBe(1);
    // The promise itself is under test.
    await pass(seconds * SECOND_MS);
    expect(said(await list(node.key)())).toBe('200');
  });
});
