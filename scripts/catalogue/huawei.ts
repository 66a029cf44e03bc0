import type { ANSWERS } from '../../src/api/huawei/error.ts';
import { type Catalogue, entry } from './entry.ts';

export type HuaweiCode = (typeof ANSWERS)[keyof typeof ANSWERS]['code'];

/** What the Huawei dialect refuses. */
export const HUAWEI: Catalogue<HuaweiCode> = {
  'LIVE.100011001': entry(
    'A parameter is missing or breaks a rule; `error_msg` names it.',
    'Mend the field. The node tells the first problem that it finds.',
    '参数缺失或违反规则；`error_msg` 指明是哪一个。',
    '修改该字段。节点返回发现的第一个问题。',
  ),
  'LIVE.100011003': entry(
    'The account has no live service.',
    '`millrace account enable-live NAME`, where that was switched off.',
    '账号未开通直播服务。',
    '如果是被关闭的，执行 `millrace account enable-live NAME`。',
  ),
  'LIVE.100011005': entry(
    'A fault of the node.',
    'Look for the `request_id` in its log, and report what stands there.',
    '节点自身的故障。',
    '在日志中查找 `request_id`，并报告相应内容。',
  ),
  'LIVE.100011011': entry(
    'The path does nothing by this method.',
    'Use GET, POST, PUT or DELETE as the operation wants it.',
    '该路径不支持此方法。',
    '按操作要求使用 GET、POST、PUT 或 DELETE。',
  ),
  'LIVE.100011012': entry(
    'The body is not JSON, or is compressed (415).',
    'Send `Content-Type: application/json`, uncompressed.',
    '请求体不是 JSON，或经过压缩（415）。',
    '使用 `Content-Type: application/json`，不要压缩。',
  ),
  'LIVE.100011015': entry(
    'The project in the path is not the one of the key or token.',
    'Take the project id that `millrace key create` has printed, or find it with `GET /v3/projects`.',
    '路径中的项目与密钥或令牌的项目不一致。',
    '使用 `millrace key create` 打印的项目 id，或用 `GET /v3/projects` 查询。',
  ),
  'LIVE.103011019': entry(
    'There is no such task, or it is somebody else’s: 404 when listed or deleted, 400 when modified.',
    'Look at the `task_id`, and for which account the key acts.',
    '没有这个任务，或它属于别人：查询和删除时为 404，修改时为 400。',
    '核对 `task_id`，以及密钥所代表的账号。',
  ),
  'LIVE.103011022': entry(
    'The status of the task does not allow this.',
    'List the task and look at `status`; `error_msg` says what it does not allow.',
    '任务当前的状态不允许该操作。',
    '查询任务的 `status`；`error_msg` 说明它不允许什么。',
  ),
  'APIG.0101': entry(
    'There is no such path.',
    'The endpoint of the SDK is this node, without a path behind it.',
    '没有这样的路径。',
    'SDK 的 endpoint 填写本节点地址，后面不带路径。',
  ),
  'APIG.0201': entry(
    'The request is not HTTP as it should be, came too slowly (408), or is too large (413, 414, 431, 494).',
    'Mend the client, or send less: 1 MiB of body, 32 KiB of path and headers.',
    '请求不是合法的 HTTP、发送过慢（408）或过大（413、414、431、494）。',
    '修复客户端，或减小请求：请求体 1 MiB，路径和请求头 32 KiB。',
  ),
  'APIG.0202': entry(
    'The database does not answer, or takes too long.',
    'Come again after the seconds of `Retry-After`; what is on air goes on.',
    '数据库没有应答，或应答过慢。',
    '按 `Retry-After` 的秒数之后再试；正在直播的任务不受影响。',
  ),
  'APIG.0301': entry(
    'The signature or token is wrong, or missing: another secret, a clock that is more than 15 minutes off, or a proxy that has changed the `Host` header or the path.',
    'Compare the key and the clock; have the proxy leave both alone.',
    '签名或令牌错误或缺失：密钥不对、时钟相差超过 15 分钟，或代理改动了 `Host` 头或路径。',
    '核对密钥和时钟；让代理原样转发这两项。',
  ),
  'APIG.0302': entry(
    'No policy allows the operation, or the key or its user is disabled.',
    'Give the user a policy that allows the action, or enable the key.',
    '没有策略允许该操作，或密钥、用户已停用。',
    '为用户添加允许该操作的策略，或启用密钥。',
  ),
  'APIG.0307': entry(
    'The token or the temporary key has expired.',
    'Get another one; SDKs that are given a password do so by themselves.',
    '令牌或临时密钥已过期。',
    '重新获取；配置了密码的 SDK 会自动续取。',
  ),
  'APIG.0308': entry(
    'More calls a second than `--huawei-calls-per-second` allows.',
    'Come again after the seconds of `Retry-After`.',
    '每秒调用次数超过 `--huawei-calls-per-second` 的限制。',
    '按 `Retry-After` 的秒数之后再试。',
  ),
};
