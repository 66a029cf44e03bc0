import type { AnswerCode } from '../../src/api/alibaba/error.ts';
import { type Catalogue, entry } from './entry.ts';

/** Codes that are made of a name, or bear a status of their own. */
type Made = 'InvalidParameter' | 'InvalidParam.CodeIllegalDuration' | 'Missing…' | 'Invalid…';

/** What the Alibaba dialect refuses. */
export const ALIBABA: Catalogue<AnswerCode | Made> = {
  InvalidParameter: entry(
    'A parameter breaks a rule, which `Message` names; or the request is not HTTP as it should be (then with the status that HTTP has for it).',
    'Mend the parameter.',
    '参数违反规则，`Message` 说明是哪一个；或请求不是合法的 HTTP（此时为相应的 HTTP 状态码）。',
    '修改该参数。',
  ),
  'Missing…': entry(
    'A parameter that is mandatory is not there: `MissingSourceUrls`, `MissingAction`, `MissingTimestamp`, …',
    'Send what the code names. SDKs send those of the signature by themselves.',
    '缺少必填参数：`MissingSourceUrls`、`MissingAction`、`MissingTimestamp` 等。',
    '补上代码所指的参数。签名相关的参数由 SDK 自动发送。',
  ),
  'Invalid…': entry(
    'A parameter of the gateway is not understood: `InvalidVersion`, `InvalidSignatureNonce`, `InvalidSignatureVersion`, …',
    'The version is `2016-11-01`; the others are made by SDKs.',
    '网关参数无法识别：`InvalidVersion`、`InvalidSignatureNonce`、`InvalidSignatureVersion` 等。',
    '版本为 `2016-11-01`；其余由 SDK 生成。',
  ),
  'InvalidParam.CodeIllegalDuration': entry(
    'Times do not fit: an end before the start or in the past, or a restart before `StartTime`.',
    'Mend the times; `Message` says which.',
    '时间不合适：结束早于开始或已经过去，或在 `StartTime` 之前重启。',
    '修改时间；`Message` 说明是哪一个。',
  ),
  'InvalidAction.NotFound': entry(
    'There is no such operation, or it is not one of these seven.',
    'Look at `Action` and at the version: see [the Alibaba dialect](alibaba.md).',
    '没有这个操作，或它不在所支持的七个之内。',
    '核对 `Action` 和版本：见[阿里云方言](alibaba.md)。',
  ),
  UnsupportedHTTPMethod: entry(
    'The path is `/`, the method GET or POST.',
    'The endpoint of the SDK is this node, without a path behind it.',
    '路径为 `/`，方法为 GET 或 POST。',
    'SDK 的 endpoint 填写本节点地址，后面不带路径。',
  ),
  'InvalidParameter.Format': entry(
    '`Format` is neither JSON nor XML.',
    'Leave it out.',
    '`Format` 既不是 JSON 也不是 XML。',
    '不要发送该参数。',
  ),
  'InvalidAccessKeyId.NotFound': entry(
    'There is no such access key.',
    'Make one with `millrace key create`: keys of the cloud are not known here.',
    '没有这个 AccessKey。',
    '用 `millrace key create` 创建：云上的密钥在这里无效。',
  ),
  'InvalidAccessKeyId.Inactive': entry(
    'The key or its user is disabled.',
    '`millrace key enable KEY`, or `millrace user enable NAME`.',
    '密钥或其用户已停用。',
    '执行 `millrace key enable KEY` 或 `millrace user enable NAME`。',
  ),
  'InvalidAccessKeyId.Locked': entry(
    'Six calls in a row with this key from this address have failed.',
    'Mend the secret and wait five minutes.',
    '该地址使用该密钥连续六次调用失败。',
    '改正密钥，等待五分钟。',
  ),
  'InvalidSecurityToken.MismatchWithAccessKey': entry(
    'The security token is not the one of this temporary key.',
    'Give the SDK all three parts that the key came with.',
    '安全令牌与临时密钥不匹配。',
    '把创建密钥时得到的三个部分都交给 SDK。',
  ),
  'InvalidSecurityToken.Expired': entry(
    'The temporary key has expired.',
    'Make another one.',
    '临时密钥已过期。',
    '重新创建。',
  ),
  'InvalidTimeStamp.Format': entry(
    'The time stamp is not ISO 8601 in UTC.',
    'Write `2026-11-21T10:00:00Z`.',
    '时间戳不是 UTC 的 ISO 8601 格式。',
    '写成 `2026-11-21T10:00:00Z`。',
  ),
  'InvalidTimeStamp.Expired': entry(
    'The time stamp is more than 15 minutes off (V3), or 31 (V2).',
    'Set the clock of the client, or of the node.',
    '时间戳相差超过 15 分钟（V3）或 31 分钟（V2）。',
    '校准客户端或节点的时钟。',
  ),
  SignatureNonceUsed: entry(
    'The same request came before.',
    'Sign each try anew; a proxy must not repeat requests.',
    '同一个请求此前已收到。',
    '每次重试都重新签名；代理不得自行重发请求。',
  ),
  InvalidSignatureMethod: entry(
    'The method is neither `HMAC-SHA1` nor `ACS3-HMAC-SHA256`.',
    'Use one of the two.',
    '签名方法既不是 `HMAC-SHA1` 也不是 `ACS3-HMAC-SHA256`。',
    '使用二者之一。',
  ),
  IncompleteSignature: entry(
    'The signature is wrong: another secret, or a proxy that has changed the `Host` header.',
    'Compare the secret; have the proxy leave `Host` alone.',
    '签名错误：密钥不对，或代理改动了 `Host` 头。',
    '核对密钥；让代理保留 `Host`。',
  ),
  'Throttling.User': entry(
    'More than ten calls of one operation within a second.',
    'Wait the milliseconds of `x-acs-retry-after`; the bound is `--alibaba-calls-per-second`.',
    '同一操作一秒内超过十次调用。',
    '按 `x-acs-retry-after` 的毫秒数等待；上限由 `--alibaba-calls-per-second` 设定。',
  ),
  NoPermission: entry(
    'No policy allows the operation, or one denies it.',
    'Give the user a policy that allows `live:` and the name of the operation.',
    '没有策略允许该操作，或被策略拒绝。',
    '为用户添加允许 `live:` 加操作名的策略。',
  ),
  LiveServiceNotFound: entry(
    'The account has no live service.',
    '`millrace account enable-live NAME`.',
    '账号未开通直播服务。',
    '执行 `millrace account enable-live NAME`。',
  ),
  CodeInvalidAliUid: entry(
    'The account has no ingest domain.',
    '`millrace domain add NAME --to rtmp://HOST --account ACCOUNT`.',
    '账号没有推流域名。',
    '执行 `millrace domain add NAME --to rtmp://HOST --account ACCOUNT`。',
  ),
  CodeTaskNotExist: entry(
    'There is no such task in this region, or it is somebody else’s, or it has exited.',
    'Look at `TaskId` and `Region`.',
    '该地域没有这个任务，或它属于别人，或已退出。',
    '核对 `TaskId` 和 `Region`。',
  ),
  CodeTaskHasStarted: entry(
    'The change may not be made while the task is on air.',
    'Stop it, change it, and restart it: see [what Update may change](alibaba.md#what-update-may-change).',
    '任务正在直播，不能做此修改。',
    '先停止，修改后再重启：见[Update 可以修改什么](alibaba.md#update-可以修改什么)。',
  ),
  InternalError: entry(
    'A fault of the node.',
    'Look for the `RequestId` in its log, and report what stands there.',
    '节点自身的故障。',
    '在日志中查找 `RequestId`，并报告相应内容。',
  ),
  ServiceUnavailable: entry(
    'The database does not answer, or takes too long.',
    'Come again in a second; what is on air goes on.',
    '数据库没有应答，或应答过慢。',
    '一秒后再试；正在直播的任务不受影响。',
  ),
};
