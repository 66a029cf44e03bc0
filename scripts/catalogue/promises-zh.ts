import { FIGURES_ZH } from './figures-zh.ts';

/** The faults of the matrix (bench/fault-rows.ts) in Chinese. */
const ROWS_ZH: Readonly<Record<string, string>> = {
  S1: '源失效',
  S2: '源保持连接却静默',
  S3: '到源的链路无声切断',
  S4: '源只有涓流',
  S5: '源的一条轨道停止',
  S6: '源没有关键帧',
  S7: '源发送乱码',
  S8: '源的编码参数改变',
  S9: '源的编码改变',
  S10: '源的时钟倒退、跳变或停滞',
  S11: '源的时钟越过 24、31 或 32 位',
  S12: '源快于实时',
  S13: '源太慢',
  S14: 'HLS 列表缺少分片',
  S15: '文件在别处',
  S16: '列表中的一个文件无法播放',
  S17: '列表中没有文件可以播放',
  S18: '直播中修改列表',
  S19: '有备用源的源失效',
  S20: '源和备用源都失效',
  D1: '目的地消失',
  D2: '目的地在协商中停住',
  D3: '目的地拒绝',
  D4: '目的地慢于流',
  D5: '到目的地的链路无声切断',
  D6: '目的地什么都不读取',
  D7: '目的地不再确认，或要求异常尺寸',
  D8: '目的地重定向',
  D9: '目的地结束推流',
  N1: '域名解析失效',
  T1: '墙上时钟跳变',
  T4: '任务在数周后开始',
  H1: '机器冻结',
  P1: '工作进程被终止',
  P2: '控制进程被终止',
  P6: '节点升级或更换设置',
  P7: '节点被要求结束',
  P8: '一个任务有毒',
  P9: '工作进程卡住',
};

/** Words of the goals and figures. Those of a unit stay where they are short. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/at least (\S+), at most/g, '$1 至'],
  [/at most/g, '最多'],
  [/at least/g, '至少'],
  [/\(missed\)/g, '（未达到）'],
  [/ frames\b/g, ' 帧'],
  [/ pictures\b/g, ' 幅'],
  [/ (?:pushes|dials|tries|bugs|asks)\b/g, ' 次'],
  [/ files\b/g, ' 个文件'],
];

const HEAD = `# 故障下的承诺，以及最近一次的测量结果

由 \`npm run bench -- faults\` 生成：它运行[故障矩阵](../../test/faults/README.md)的测试并写出本页；这里没有任何内容是手写的。每个数值都在流的到达处或故障的发生处读取，从不取自服务自己的计数器。其中的媒体是合成的，一切都在环回地址上运行。`;

/** docs/promises.md in Chinese: the same figures under the same rows. */
export function promisesInChinese(english: string): string {
  const measuredAt = english.indexOf('\nMeasured on:');
  const body = english.slice(measuredAt).split('\n').map(inChinese);
  return `${HEAD}\n${body.join('\n')}`;
}

function inChinese(line: string): string {
  const [, row, title = ''] = /^## (\w+): (.*)$/.exec(line) ?? [];
  if (row !== undefined) return `## ${row}：${ROWS_ZH[row] ?? title}`;
  if (line === '| what | promised | last measured |') return '| 内容 | 承诺 | 最近测量 |';
  if (line.startsWith('Measured on:')) return line.replace('Measured on:', '测量环境：');
  const [, name = '', figures = ''] = /^\| (.*?) (\|.*)$/.exec(line) ?? [];
  return name === '' ? line : `| ${FIGURES_ZH[name] ?? name} ${translated(figures)}`;
}

const translated = (figures: string): string =>
  WORDS.reduce((text, [english, chinese]) => text.replace(english, chinese), figures);
