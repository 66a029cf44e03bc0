import type { Language } from './entry.ts';

export type Section = 'native' | 'huawei' | 'alibaba' | 'faults' | 'refusals' | 'alarms';

interface Words {
  readonly title: string;
  readonly preface: string;
  readonly columns: Readonly<Record<'code' | 'status' | 'means' | 'remedy', string>>;
  readonly sections: Readonly<Record<Section, { readonly heading: string; readonly about: string }>>;
}

/** What stands around the tables of the error catalogue. */
export const WORDS: Readonly<Record<Language, Words>> = {
  en: {
    title: 'Errors, faults and alarms',
    preface: `Every code that a request can be answered with, every reason for which a task does not flow, and every alarm.
This page is written by \`node scripts/write-pages.ts\` out of the source; edit \`scripts/catalogue\` instead.

Codes are for programs and stay as they are. The sentence beside a code is for people, may change, and never holds a stream
key. Every answer bears a request id, which is in the log of the node too.`,
    columns: { code: 'code', status: 'status', means: 'means', remedy: 'what to do' },
    sections: {
      native: {
        heading: 'The native API',
        about: 'The member `code` of a problem; how these look is told in [Problems](problems.md).',
      },
      huawei: {
        heading: 'The Huawei dialect',
        about: 'The member `error_code`; see [the Huawei dialect](huawei.md).',
      },
      alibaba: {
        heading: 'The Alibaba dialect',
        about: 'The member `Code`; see [the Alibaba dialect](alibaba.md#refusals).',
      },
      faults: {
        heading: 'Faults of a source or destination',
        about:
          'The `kind` of a fault, which is told with its side (`pull` or `push`) and a sentence in `last_error` of a task.',
      },
      refusals: {
        heading: 'Refusals of a peer',
        about: 'Of a fault of the kind `refused`: what the peer meant, as far as its words tell.',
      },
      alarms: {
        heading: 'Alarms of a task',
        about: 'When each is raised, and when it is over, is told in [Alarms](alarms.md).',
      },
    },
  },
  zh: {
    title: '错误、故障与告警',
    preface: `请求可能返回的每个错误码、任务推流中断的每种原因，以及每种告警。
本页由 \`node scripts/write-pages.ts\` 根据源代码生成；要修改请编辑 \`scripts/catalogue\`。

错误码供程序使用，保持不变。错误码旁边的说明供人阅读，可能调整，并且绝不包含推流密钥。每个应答都带有请求 id，节点日志中也有同一个 id。`,
    columns: { code: '代码', status: '状态码', means: '含义', remedy: '处理办法' },
    sections: {
      native: { heading: '原生 API', about: '问题对象的 `code` 字段；格式见[错误应答](problems.md)。' },
      huawei: { heading: '华为云方言', about: '`error_code` 字段；见[华为云方言](huawei.md)。' },
      alibaba: { heading: '阿里云方言', about: '`Code` 字段；见[阿里云方言](alibaba.md#拒绝)。' },
      faults: {
        heading: '源或目的地的故障',
        about: '故障的 `kind`，与所在一侧（`pull` 或 `push`）和一句说明一起出现在任务的 `last_error` 中。',
      },
      refusals: { heading: '对端的拒绝', about: '`refused` 类故障中，从对方原话能判断出的含义。' },
      alarms: { heading: '任务的告警', about: '何时产生、何时解除，见[告警](alarms.md)。' },
    },
  },
};
