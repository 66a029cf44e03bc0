import { type Catalogue, entry } from './entry.ts';

/** Every alarm that a task can raise. A test looks for the names in the source. */
export const ALARMS: Catalogue = {
  PullFileUnstable: entry(
    'A source that was there is lost.',
    'Look at the source; it is tried again by itself.',
    '曾经可用的源中断了。',
    '检查源；系统会自动重试。',
  ),
  PullFileFailed: entry(
    'A source was never there, a file cannot be played, or none of a list.',
    'Look at its address with `millrace probe`.',
    '源从未可用、某个文件无法播放，或整个列表都无法播放。',
    '用 `millrace probe` 检查其地址。',
  ),
  PushStreamUnstable: entry(
    'A destination that was there is lost.',
    'Look at the destination; it is tried again by itself.',
    '曾经可用的目的地中断了。',
    '检查目的地；系统会自动重试。',
  ),
  PushStreamFailed: entry(
    'A destination was never there, or has refused three times in a row.',
    'Compare the push address and its key with the platform’s.',
    '目的地从未可用，或连续三次拒绝。',
    '与平台核对推流地址及其密钥。',
  ),
  DestinationTaken: entry(
    'Another task pushes to the same address: this one waits, and is on air as soon as that one has left.',
    'Stop one of the two, or give one another stream; `--same-destination refuse` refuses the second at once.',
    '另一个任务正在推往同一地址：本任务等待，前者离开后立即开播。',
    '停止其中一个，或为其中一个更换流名；`--same-destination refuse` 会直接拒绝第二个任务。',
  ),
  FileEndEarly: entry(
    'A file breaks off while it is played, or ends more than 2 s before the end that it names.',
    'Upload it again: it is probably cut short.',
    '文件在播放中中断，或比其标称长度提前 2 秒以上结束。',
    '重新上传：文件可能不完整。',
  ),
  NoNodeInRegion: entry(
    'No node of the region that the task names takes tasks: they are gone, cordoned, or full.',
    'Start a node with that `--region`, or uncordon one (`millrace node list`); the task starts by itself then.',
    '任务所指定区域内没有可接收任务的节点：已失联、已封锁或已满。',
    '以该 `--region` 启动一个节点，或解除某个节点的封锁（`millrace node list`）；任务随后会自动开始。',
  ),
  SourceSlow: entry(
    'Media comes at less than 0.95 of its pace.',
    'Look at the line of the encoder, and at its load; `--delay-budget` bridges short weaknesses.',
    '媒体到达速度低于应有速度的 0.95。',
    '检查编码器的上行线路和负载；`--delay-budget` 可以填补短时抖动。',
  ),
  SourceFrozen: entry(
    'The media time of a source does not advance.',
    'Restart the encoder; a standby would take over.',
    '源的媒体时间不再前进。',
    '重启编码器；若配置了备用源，会由备用源接替。',
  ),
  AudioLost: entry(
    'The sound was there and has not come for 5 s.',
    'Look at the microphone, the mixer or the encoder.',
    '曾有声音，但已 5 秒没有到达。',
    '检查话筒、调音台或编码器。',
  ),
  VideoLost: entry(
    'The picture was there and has not come for 5 s.',
    'Look at the camera or the encoder.',
    '曾有画面，但已 5 秒没有到达。',
    '检查摄像机或编码器。',
  ),
  TrackLeftOut: entry(
    'A part of the source cannot be relayed, such as G.711 sound: it goes without it.',
    'Have the source code AAC, or live with it.',
    '源中有一部分无法转推（例如 G.711 声音），已略去。',
    '让源改用 AAC，或接受现状。',
  ),
  KeyFrameStarved: entry(
    'Pictures come and no key frame for 10 s or more.',
    'Shorten the GOP of the encoder, to 2 s for most platforms.',
    '有画面但 10 秒以上没有关键帧。',
    '缩短编码器的 GOP，多数平台要求 2 秒。',
  ),
  DestinationCongested: entry(
    'The destination takes less than the stream is: media waits or is dropped.',
    'Look at the line to it; lower the bit rate of the encoder.',
    '目的地接收跟不上码率：媒体在排队或被丢弃。',
    '检查到目的地的线路；降低编码器码率。',
  ),
  SourceMoveFailed: entry(
    'The server has asked for the stream to be pulled elsewhere, and there it could not be.',
    'Look at the server that is being taken down, and where it sends its clients.',
    '服务器要求改到别处拉流，但那里无法拉取。',
    '检查即将下线的服务器，以及它把客户端引向何处。',
  ),
  DestinationMoveFailed: entry(
    'The server has asked for the stream to be pushed elsewhere, and there it could not be.',
    'The same.',
    '服务器要求改到别处推流，但那里无法推送。',
    '同上。',
  ),
  SwitchedToStandby: entry(
    'A standby is on air.',
    'Mend the source: it is gone back to once it has been well for 10 s.',
    '正在使用备用源。',
    '修复主源：恢复正常 10 秒后自动切回。',
  ),
  CallbackGone: entry(
    'The receiver of callbacks has answered 410.',
    'Give the task another address; the log has what was not told.',
    '回调接收方返回了 410。',
    '为任务设置另一个回调地址；未通知的内容在日志中可查。',
  ),
  CallbackPaused: entry(
    'The receiver has taken nothing at all for 5 days.',
    'Mend it, then `millrace callback resume ENDPOINT`.',
    '接收方已 5 天未接收任何回调。',
    '修复后执行 `millrace callback resume ENDPOINT`。',
  ),
  CallbackBlocked: entry(
    'The receiver’s address is one that the network policy forbids.',
    'Change the address, or `--network`.',
    '接收方的地址被网络策略禁止。',
    '更换地址，或调整 `--network`。',
  ),
};
