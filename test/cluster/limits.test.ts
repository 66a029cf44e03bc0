import { afterAll, beforeAll, expect, it } from 'vitest';
import { figure } from '../faults/figure.ts';
import { AlibabaClient } from '../lab/alibaba-client.ts';
import { sendRaw } from '../lab/api.ts';
import { LabCluster } from '../lab/cluster.ts';
import { Place } from '../lab/place.ts';
import { pass, until } from '../lab/wait.ts';

const LIST = 'DescribeLivePullToPushList';
const REGION = { Region: 'cn-shanghai' };
const LIMIT = 10;
const HAMMERED_MS = 6_000;
/** As nodes tell one another of what they count, and a little. */
const TOLD_MS = 400;

let place: Place;
let cluster: LabCluster;
beforeAll(async () => {
  place = new Place();
  cluster = await LabCluster.start(place, { nodes: 2 });
}, 60_000);
afterAll(async () => {
  await place[Symbol.asyncDispose]();
});

const clientOf = (node: number): AlibabaClient => new AlibabaClient(cluster.node(node).api, cluster.key);

it('takes a signed call once, at whichever node it is shown', async () => {
  const call = clientOf(0).signed(LIST, Object.entries(REGION));
  expect((await clientOf(0).raw(call)).status).toBe(200);
  for (const node of [1, 0, 1]) {
    expect((await clientOf(node).raw(call)).body.Code).toBe('SignatureNonceUsed');
  }
  const together = clientOf(0).signed(LIST, Object.entries(REGION));
  const answers = await Promise.all([0, 1, 0, 1].map(node => clientOf(node).raw(together)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
});

it('holds an account to its calls over all nodes together', async () => {
  const endsAt = performance.now() + HAMMERED_MS;
  let passed = 0;
  const hammer = async (node: number): Promise<void> => {
    while (performance.now() < endsAt) {
      if ((await clientOf(node).call(LIST, REGION)).status === 200) passed++;
      await pass(20);
    }
  };
  await Promise.all([0, 0, 1, 1].map(hammer));
  const most = LIMIT * (HAMMERED_MS / 1_000 + cluster.nodes.length);
  figure('CLUSTER', `calls let through in ${HAMMERED_MS} ms by two nodes`, passed, { unit: '', atMost: most });
  expect(passed).toBeGreaterThan((LIMIT * HAMMERED_MS) / 2_000);
});

it('locks out who tries keys, wherever the tries were made', async () => {
  const attempt = async (node: number): Promise<string> => {
    const headers = { authorization: `Bearer mlr_${'x'.repeat(43)}` };
    return (await sendRaw(cluster.node(node).api, { method: 'GET', url: '/api/v1/tasks', headers })).body.detail;
  };
  for (const node of [0, 1, 0, 1, 0, 1]) expect(await attempt(node)).toBe('There is no such API key.');
  await until('both have heard of the tries', async () => {
    await pass(TOLD_MS);
    const said = await Promise.all([attempt(0), attempt(1)]);
    return said.every(text => text.startsWith('Too many wrong API keys'));
  });
});
