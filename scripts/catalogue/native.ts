import type { AnswerCode } from '../../src/api/native/error.ts';
import { type Catalogue, entry } from './entry.ts';

/** What the native API refuses; the compiler asks for an entry of each code. */
export const NATIVE: Catalogue<AnswerCode> = {
  INVALID_PARAMETER: entry(
    'A parameter, a field of the body or `Last-Event-ID` breaks a rule, or is not known.',
    'Mend what `errors` names; all that is wrong is named at once.',
    '参数、请求体字段或 `Last-Event-ID` 违反规则，或者是未知的。',
    '按 `errors` 列出的字段修改；所有问题会一次全部列出。',
  ),
  MALFORMED_REQUEST: entry(
    'The request is not HTTP as it should be, or its path does not decode.',
    'Mend the client, or what stands between it and the node.',
    '请求不是合法的 HTTP，或其路径无法解码。',
    '修复客户端，或它与节点之间的中间设备。',
  ),
  UNAUTHENTICATED: entry(
    'Nobody is known by these credentials, or there are none.',
    'Send an API key, sign the request, or log in anew; `detail` says what is wrong with what was sent.',
    '没有携带凭据，或凭据不属于任何人。',
    '携带 API 密钥、对请求签名，或重新登录；`detail` 说明所发凭据的问题。',
  ),
  FORBIDDEN: entry(
    'No policy allows the action, the key or its user is disabled, or a page lacks `X-Millrace-Csrf`.',
    'Ask for a policy that allows the action that `detail` names.',
    '没有策略允许该操作，密钥或其用户已停用，或页面缺少 `X-Millrace-Csrf`。',
    '申请一条允许 `detail` 所述操作的策略。',
  ),
  NOT_FOUND: entry(
    'There is no such path, task, delivery or endpoint, or it is somebody else’s.',
    'Look at the id, and for which account and project the key acts.',
    '没有这样的路径、任务、投递记录或接收方，或者它属于别人。',
    '核对 id，以及密钥所代表的账号和项目。',
  ),
  METHOD_NOT_ALLOWED: entry(
    'The path is there, and does nothing by this method.',
    'Use a method of the `Allow` header.',
    '路径存在，但不支持该方法。',
    '使用 `Allow` 头列出的方法。',
  ),
  CONFLICT: entry(
    'Something stands in the way: a name that is taken, the last administrator, a policy that somebody has.',
    'Do what `detail` says first, or choose another name.',
    '存在冲突：名称已被占用、最后一个管理员、或仍有人使用的策略。',
    '先处理 `detail` 所述的问题，或换一个名称。',
  ),
  WRONG_STATUS: entry(
    'The task does not stand so that this can be done.',
    'Look at its status; `detail` says what that does not allow.',
    '任务当前的状态不允许该操作。',
    '查看任务状态；`detail` 说明该状态不允许什么。',
  ),
  LINK_VOID: entry(
    'The setup link has been used, has expired, or was replaced.',
    'Print another one with `millrace setup`, or log in.',
    '初始化链接已被使用、已过期或已被替换。',
    '用 `millrace setup` 再打印一个，或直接登录。',
  ),
  NOT_SAYABLE: entry(
    'The task was made in a dialect that has no words for what is asked.',
    'Leave out what `errors` names, or make a task of the native dialect.',
    '任务所属的方言无法表达所请求的内容。',
    '去掉 `errors` 列出的内容，或用原生方言新建任务。',
  ),
  KEY_REUSED: entry(
    'The `Idempotency-Key` has made a task of another body within a day.',
    'Choose another key for another task.',
    '该 `Idempotency-Key` 在一天内已用于另一个请求体的任务。',
    '不同的任务使用不同的键。',
  ),
  VERSION_MISMATCH: entry(
    'Somebody else has changed the task meanwhile.',
    'Read it again, and repeat the change with the version in `ETag` if it is still wanted.',
    '期间任务已被他人修改。',
    '重新读取任务；若仍需修改，用 `ETag` 中的版本重试。',
  ),
  BODY_TOO_LARGE: entry('The body is larger than 1 MiB.', 'Send less.', '请求体超过 1 MiB。', '减小请求体。'),
  URI_TOO_LONG: entry(
    'The address is longer than 32 KiB.',
    'Send what is long in the body.',
    '请求地址超过 32 KiB。',
    '把较长的内容放进请求体。',
  ),
  UNSUPPORTED_MEDIA_TYPE: entry(
    'The body is of a kind that is not read, or compressed.',
    'Send `Content-Type: application/json`, uncompressed.',
    '请求体的类型不受支持，或经过压缩。',
    '使用 `Content-Type: application/json`，不要压缩。',
  ),
  THROTTLED: entry(
    'Too many calls, streams or looks at once.',
    'Come again after the seconds of `Retry-After`.',
    '调用、事件流或探测的并发过多。',
    '按 `Retry-After` 的秒数之后再试。',
  ),
  HEADER_TOO_LONG: entry(
    'A header is longer than 32 KiB.',
    'Look for cookies that a proxy has added.',
    '请求头超过 32 KiB。',
    '检查代理是否附加了过多 Cookie。',
  ),
  INTERNAL: entry(
    'A fault of the node.',
    'Look for the `request_id` in its log, and report what stands there.',
    '节点自身的故障。',
    '在日志中查找 `request_id`，并报告相应内容。',
  ),
  UNAVAILABLE: entry(
    'There is no room for this now, or the database does not answer; of a picture: no key frame has come yet.',
    'Come again after the seconds of `Retry-After`.',
    '暂时没有余量，或数据库没有应答；对画面而言：关键帧尚未到达。',
    '按 `Retry-After` 的秒数之后再试。',
  ),
  STORAGE_FULL: entry(
    'Nothing can be stored: the disk of the node is full.',
    'Make room in the data directory; what is on air goes on.',
    '无法写入：节点磁盘已满。',
    '为数据目录腾出空间；正在直播的任务不受影响。',
  ),
};
