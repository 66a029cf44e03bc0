import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { AlibabaClient, type AlibabaKey } from './lab/alibaba-client.ts';
import { openDoor, Refused } from './lab/alibaba-sdks.ts';
import { Millrace } from './lab/millrace.ts';
import { Place } from './lab/place.ts';
import { pass, until } from './lab/wait.ts';

const BIN = fileURLToPath(new URL('../bin/millrace', import.meta.url));
const LIST = 'DescribeLivePullToPushList';
const REGION = { Region: 'cn-shanghai' };

describe('calls in a row', () => {
  /** By itself: nodes may let a burst through before they hear of each other (test/cluster/limits.test.ts). */
  const start = (own: Place, ...flags: string[]) =>
    Millrace.start(own, { flags: ['--workers', '1', '--rtmp', 'off', ...flags], isAlone: true });

  /** Calls of one operation within one second, of the first operation for which the machine is fast enough. */
  async function burst<T>(count: number, call: (action: string) => Promise<T>): Promise<readonly [string, T[]]> {
    for (const action of ['Create', 'Update', 'Restart', 'Delete', 'Describe'].map(verb => `${verb}LivePullToPush`)) {
      const from = performance.now();
      const answers = await Promise.all(Array.from({ length: count }, () => call(action)));
      if (performance.now() - from < 900) return [action, answers];
    }
    throw new Error('the machine is too slow');
  }

  it('are held to ten a second for each operation and account, and told when to go on', async () => {
    await using own = new Place();
    const node = await start(own);
    const args = ['key', 'create', '--json', '--account', 'other', '--data', node.data];
    const other: AlibabaKey = JSON.parse(spawnSync(BIN, args, { encoding: 'utf8', env: node.variables }).stdout);
    const wire = new AlibabaClient(node.api, node.key);
    const [action, calls] = await burst(11, name => wire.call(name, {}));
    expect(calls.map(({ body }) => body.Code).sort()).toEqual([...Array(10).fill('MissingRegion'), 'Throttling.User']);
    expect((await wire.call('StopLivePullToPush', {})).body.Code).toBe('MissingRegion');
    expect((await new AlibabaClient(node.api, other).call(action, {})).body.Code).toBe('CodeInvalidAliUid');
    const { status, headers, body } = calls.find(answer => answer.body.Code === 'Throttling.User') ?? fail();
    expect([status, body.Message]).toEqual([400, 'Request was denied due to user flow control.']);
    const waitMs = Number(headers['x-acs-retry-after']);
    expect(waitMs).toBeGreaterThanOrEqual(1);
    expect(waitMs).toBeLessThanOrEqual(1_000);
    // The promise itself is under test: that much later, and no sooner asked, the call goes on.
    await pass(waitMs);
    expect((await wire.call(action, {})).body.Code).toBe('MissingRegion');
  });

  it('are held in the other dialect too, where that is asked for', async () => {
    await using own = new Place();
    const node = await start(own, '--huawei-calls-per-second', '1');
    const refused = await until('a call is throttled', async () => {
      const answer = await node.huawei.call({ method: 'GET' });
      return answer.status === 200 ? undefined : answer;
    });
    expect([refused.status, refused.body.error_code]).toEqual([429, 'APIG.0308']);
    expect(refused.headers.get('retry-after')).toBe('1');
  });

  it("are told to the vendor's client as throttling, with the wait", async () => {
    await using own = new Place();
    const node = await start(own, '--alibaba-calls-per-second', '1');
    const call = openDoor('openapi-core V3', node.api, node.key);
    const refused = await until('a call is throttled', () =>
      call(LIST, REGION).then(
        () => undefined,
        (reason: unknown) => reason,
      ),
    );
    expect(refused).toBeInstanceOf(Refused);
    expect(refused).toMatchObject({ code: 'Throttling.User', status: 400, retryAfterMs: expect.any(Number) });
  });
});

function fail(): never {
  throw new Error('no call was throttled');
}
