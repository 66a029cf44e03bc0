import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { figure } from './faults/figure.ts';
import { AlibabaClient } from './lab/alibaba-client.ts';
import { run } from './lab/child.ts';
import { Millrace } from './lab/millrace.ts';
import { type NativeAsk, nativeAsk } from './lab/native.ts';
import { NatsServer } from './lab/nats.ts';
import { Place } from './lab/place.ts';
import { PostgresServer } from './lab/postgres.ts';
import { until } from './lab/wait.ts';

const BIN = fileURLToPath(new URL('../bin/millrace', import.meta.url));
/** What a caller waits at most; between the two clouds' clients the shortest patience is about twice as long. */
const PATIENCE_MS = 5_000;

interface Answer {
  readonly status: number;
  readonly said: string;
  readonly tookMs: number;
}

async function timed(call: Promise<{ readonly status: number; readonly body: unknown }>): Promise<Answer> {
  const startedMs = performance.now();
  const { status, body } = await call;
  return { status, said: JSON.stringify(body), tookMs: performance.now() - startedMs };
}

describe('a node whose database', () => {
  let place: Place;
  let server: PostgresServer;
  let node: Millrace;
  let native: NativeAsk;
  let alibaba: AlibabaClient;

  beforeAll(async () => {
    place = new Place();
    server = await PostgresServer.start(place);
    const nats = await NatsServer.start(place);
    const env = { MILLRACE_DATABASE: await server.createDatabase(), MILLRACE_NATS: nats.url };
    node = await Millrace.start(place, { isAlone: true, env });
    const made = await run(BIN, ['key', 'create', '--api', '--json', '--data', node.data], { env });
    const { apiKey } = JSON.parse(made);
    native = nativeAsk(node.api, String(apiKey));
    alibaba = new AlibabaClient(node.api, node.key);
  });
  afterAll(() => place[Symbol.asyncDispose]());

  const askAll = async (): Promise<Readonly<Record<'native' | 'huawei' | 'alibaba', Answer>>> => {
    const [ofNative, ofHuawei, ofAlibaba] = await Promise.all([
      timed(native('tasks')),
      timed(node.huawei.call({ method: 'GET' })),
      timed(alibaba.call('DescribeLivePullToPushList', { Region: 'cn-shanghai' })),
    ]);
    return { native: ofNative, huawei: ofHuawei, alibaba: ofAlibaba };
  };

  const refusedBy = async (what: string): Promise<void> => {
    const answers = await askAll();
    expect(answers.native).toMatchObject({ status: 503, said: expect.stringContaining('UNAVAILABLE') });
    expect(answers.huawei).toMatchObject({ status: 503, said: expect.stringContaining('APIG.0202') });
    expect(answers.alibaba).toMatchObject({ status: 503, said: expect.stringContaining('ServiceUnavailable') });
    const slowest = Math.max(...Object.values(answers).map(({ tookMs }) => tookMs));
    figure('CLUSTER', `${what}: slowest refusal of three dialects`, slowest, { unit: 'ms', atMost: PATIENCE_MS });
  };

  const answersAgain = (): Promise<unknown> =>
    until('every dialect answers again', async () => {
      return Object.values(await askAll()).every(({ status }) => status === 200);
    });

  it('is stopped says so in every dialect at once, and goes on when it is back', async () => {
    await answersAgain();
    await server.stop();
    await refusedBy('database stopped');
    await server.start();
    await answersAgain();
  });

  it('stands still says so in every dialect in time, and goes on when it moves again', async () => {
    server.freeze();
    await refusedBy('database frozen');
    server.thaw();
    await answersAgain();
  });
});
