import { expect, it } from 'vitest';
import * as alibaba from './alibaba/error.ts';
import * as huawei from './huawei/error.ts';

const log = { info: () => {}, error: () => {} };
const storeFault = (kind: string): Error => Object.assign(new Error('CANARY'), { name: 'StoreFault', kind });

it.each([
  ['busy', 503, 'APIG.0202', 'ServiceUnavailable'],
  ['gone', 503, 'APIG.0202', 'ServiceUnavailable'],
  ['broken', 500, 'LIVE.100011005', 'InternalError'],
])('both clouds have words for a store that is %s', (kind, status, huaweiCode, alibabaCode) => {
  const ofHuawei = huawei.printError(huawei.asAnswer(storeFault(kind), 'r1', log), 'r1');
  expect(ofHuawei).toMatchObject({ status, body: { error_code: huaweiCode } });
  expect(JSON.stringify(ofHuawei)).not.toContain('CANARY');
  expect(alibaba.asAnswer(storeFault(kind), 'r1', log)).toMatchObject({ status, code: alibabaCode });
});
