import type { FaultKind, RefusalClass } from '../../src/media/fault.ts';
import { type Catalogue, entry } from './entry.ts';

/** Why a side of a task does not flow: `kind` of `status.last_error`. */
export const FAULTS: Catalogue<FaultKind> = {
  unreachable: entry(
    'Nothing listens there, or no network leads there.',
    'Look at host and port, and whether a firewall of yours or theirs lets the node out.',
    '对方端口没有监听，或网络不通。',
    '核对主机和端口，以及双方防火墙是否放行。',
  ),
  timeout: entry(
    'The peer does not answer in time.',
    'Usually a firewall that drops what it does not let in, or a server that is overloaded.',
    '对方未在时限内应答。',
    '通常是防火墙丢弃报文，或服务器过载。',
  ),
  closed: entry(
    'The peer has closed the connection.',
    'Mostly theirs to explain: look at the log of the server. It is tried again within half a second.',
    '对方关闭了连接。',
    '多由对方造成：查看其服务器日志。半秒内会重试。',
  ),
  silent: entry(
    'The source stays connected and sends no media, or media whose times stand still.',
    'Look at the encoder; the threshold is `--source-silence`.',
    '源保持连接，但不发送媒体，或媒体时间戳不前进。',
    '检查编码器；阈值为 `--source-silence`。',
  ),
  keyless: entry(
    'Media comes, and no key frame to start from.',
    'Shorten the GOP of the encoder, to 2 s for most platforms.',
    '有媒体到达，但没有可以起播的关键帧。',
    '缩短编码器的 GOP，多数平台要求 2 秒。',
  ),
  stalled: entry(
    'The other side takes nothing any more, though the connection stands.',
    'Look at the line to it, and at its load: it is slower than the stream.',
    '连接仍在，但对方不再接收数据。',
    '检查到对方的线路和对方负载：它跟不上码率。',
  ),
  garbage: entry(
    'What the peer sends is not what the protocol or the file format says.',
    'Look at the address with `millrace probe`; a damaged file has to be made anew.',
    '对方发来的内容不符合协议或文件格式。',
    '用 `millrace probe` 查看该地址；损坏的文件需要重新生成。',
  ),
  refused: entry(
    'The peer says no; the message is in its words.',
    'See [refusals](#refusals-of-a-peer).',
    '对方拒绝；消息为其原话。',
    '见[对端的拒绝](#对端的拒绝)。',
  ),
  unsupported: entry(
    'What comes cannot be carried to this destination without coding it anew.',
    'Have the source code H.264 or H.265 with AAC; `millrace probe` says which destinations can be given it.',
    '不重新编码就无法把该内容送到目的地。',
    '让源使用 H.264 或 H.265 加 AAC；`millrace probe` 会说明可送往哪些目的地。',
  ),
  policy: entry(
    'The network policy forbids the address.',
    'Choose another address, or another `--network`: see [which addresses may be dialled](configuration.md#which-addresses-may-be-dialled).',
    '网络策略禁止该地址。',
    '换一个地址，或调整 `--network`：见[允许连接哪些地址](configuration.md#允许连接哪些地址)。',
  ),
  name: entry(
    'The name of the host is not known to the resolver, or the resolver does not answer.',
    'Look at the spelling, and at the resolver of the node.',
    '域名无法解析，或解析服务器没有应答。',
    '检查拼写，以及节点的 DNS 配置。',
  ),
  tls: entry(
    'The certificate is not believed, or TLS cannot be agreed on.',
    'Name a private authority by `--ca` or in the task: see [whose certificate is believed](destinations.md#whose-certificate-is-believed).',
    '证书不可信，或 TLS 协商失败。',
    '用 `--ca` 或在任务中指定私有 CA：见[信任谁的证书](destinations.md#信任谁的证书)。',
  ),
  lost: entry(
    'The connection broke for a reason that only the system knows, which the message tells.',
    'It is tried again by itself; if it lasts, look at the line.',
    '连接因系统层面的原因中断，消息中会说明。',
    '会自动重试；若持续出现，检查线路。',
  ),
};

/** Why a peer says no, where its words tell. */
export const REFUSALS: Catalogue<RefusalClass> = {
  taken: entry(
    'Somebody publishes under that name already. Right behind a push of our own it is often that one, and waited for 90 s.',
    'Stop the other encoder, or the other task with that destination.',
    '该流名已有人在推流。若刚断开的是我们自己的推流，往往就是它，会等待 90 秒。',
    '停掉另一个编码器，或使用同一目的地的另一个任务。',
  ),
  denied: entry(
    'The stream key is wrong or has expired, or this client may not publish.',
    'Get a fresh address from the platform, and change the task: the push stays for as long as it is accepted.',
    '推流密钥错误或已过期，或不允许该客户端推流。',
    '从平台获取新的推流地址并修改任务。',
  ),
  credentials: entry(
    'It asks for a name and a password, or does not accept those it was given.',
    'Put them into the address, percent-encoded: `rtmp://USER:PASSWORD@HOST/…`.',
    '要求用户名和密码，或不接受所给的。',
    '按百分号编码写进地址：`rtmp://USER:PASSWORD@HOST/…`。',
  ),
  application: entry(
    'It has no application of that name.',
    'Look at the part between the host and the stream: `live`, `app`, `live2`, …',
    '没有这个应用名。',
    '检查地址中主机与流名之间的部分：`live`、`app`、`live2` 等。',
  ),
  redirected: entry(
    'It sends us elsewhere, and we could not follow.',
    'Push to the address that the message names, if that is to be trusted.',
    '对方要求改到别处，而我们无法跟随。',
    '若可信，直接推到消息中给出的地址。',
  ),
  unknown: entry(
    'It says no and its words tell no reason.',
    'Ask the platform, with the time of the refusal.',
    '对方拒绝，但没有说明原因。',
    '带上拒绝发生的时间询问平台。',
  ),
};
