export type OptionName =
  | 'data'
  | 'database'
  | 'seal-key-file'
  | 'listen'
  | 'console-url'
  | 'rtmp'
  | 'workers'
  | 'network'
  | 'media'
  | 'ca'
  | 'srt-listen'
  | 'log-level'
  | 'metrics-listen'
  | 'metrics-tasks'
  | 'ready-file'
  | 'region'
  | 'nats'
  | 'nats-domain'
  | 'node-name'
  | 'lease'
  | 'role'
  | 'capacity'
  | 'advertise'
  | 'eager-recovery'
  | 'source-silence'
  | 'source-silence-warm'
  | 'source-floor'
  | 'warm-standby'
  | 'delay-budget'
  | 'slate'
  | 'keep-events'
  | 'same-destination'
  | 'alibaba-running-event'
  | 'alibaba-exit-event'
  | 'alibaba-end-on-air'
  | 'alibaba-calls-per-second'
  | 'huawei-calls-per-second'
  | 'native-calls-per-second'
  | 'access-key'
  | 'secret-key'
  | 'project-id';

export interface Option {
  readonly name: OptionName;
  readonly env: string;
  /** The placeholder of the flag's value; absent where there is no flag, since argv and files are read by others. */
  readonly value?: string;
  readonly about: string;
  readonly fallback: string;
  readonly secret?: boolean;
}

/** Every option there is. A flag, a variable and a key of the file have the same name, each in its own spelling. */
export const OPTIONS: readonly Option[] = [
  {
    name: 'data',
    env: 'MILLRACE_DATA',
    value: 'DIR',
    about: 'the one directory that holds all state',
    fallback: './data',
  },
  {
    name: 'database',
    env: 'MILLRACE_DATABASE',
    value: 'URL',
    about: 'the PostgreSQL database that several nodes share, like postgres://USER:PASSWORD@HOST/NAME',
    fallback: 'a file in the data directory',
    secret: true,
  },
  {
    name: 'seal-key-file',
    env: 'MILLRACE_SEAL_KEY_FILE',
    value: 'FILE',
    about: 'the key that seals what is stored, the same on all nodes; it is only read',
    fallback: 'seal.key in the data directory, made on the first start',
  },
  {
    name: 'listen',
    env: 'MILLRACE_LISTEN',
    value: 'HOST:PORT',
    about: 'where the API listens',
    fallback: '127.0.0.1:8080',
  },
  {
    name: 'console-url',
    env: 'MILLRACE_CONSOLE_URL',
    value: 'URL',
    about: 'where people open the console, if that is not where the API listens; with https, cookies go by TLS alone',
    fallback: 'none',
  },
  {
    name: 'rtmp',
    env: 'MILLRACE_RTMP',
    value: 'HOST:PORT|off',
    about: 'where the built-in RTMP server listens',
    fallback: '127.0.0.1:1935',
  },
  {
    name: 'workers',
    env: 'MILLRACE_WORKERS',
    value: 'N',
    about: 'worker processes',
    fallback: 'one per core, at most 4',
  },
  {
    name: 'network',
    env: 'MILLRACE_NETWORK',
    value: 'public|lan|lab',
    about: 'which addresses may be dialled',
    fallback: 'lab while the API listens on loopback, else public',
  },
  {
    name: 'media',
    env: 'MILLRACE_MEDIA',
    value: 'DIR',
    about: 'the directory of files that lists name as media://FILE',
    fallback: 'none',
  },
  {
    name: 'ca',
    env: 'MILLRACE_CA',
    value: 'FILE',
    about: 'certificates (PEM) to trust besides those of the system, wherever a relay or a callback speaks TLS',
    fallback: 'none',
  },
  {
    name: 'srt-listen',
    env: 'MILLRACE_SRT_LISTEN',
    value: 'PORT[-PORT]',
    about: 'the ports at which tasks may wait for SRT callers',
    fallback: 'none',
  },
  {
    name: 'log-level',
    env: 'MILLRACE_LOG_LEVEL',
    value: 'LEVEL',
    about: 'debug, info, warn, error or silent',
    fallback: 'info',
  },
  {
    name: 'metrics-listen',
    env: 'MILLRACE_METRICS_LISTEN',
    value: 'HOST:PORT|off',
    about: 'where the metrics are told to whoever asks; with a key they are at /metrics of the API',
    fallback: 'off',
  },
  {
    name: 'metrics-tasks',
    env: 'MILLRACE_METRICS_TASKS',
    value: 'N',
    about: 'how many tasks on air have metrics of their own, 0 for none',
    fallback: '0',
  },
  {
    name: 'ready-file',
    env: 'MILLRACE_READY_FILE',
    value: 'FILE',
    about: 'written once the node is ready',
    fallback: 'none',
  },
  {
    name: 'region',
    env: 'MILLRACE_REGION',
    value: 'NAME',
    about: 'the region tasks belong to when they name none',
    fallback: 'default',
  },
  {
    name: 'nats',
    env: 'MILLRACE_NATS',
    value: 'URL',
    about: 'the NATS servers through which several nodes agree, like nats://USER:PASSWORD@HOST:4222',
    fallback: 'none: the node is alone',
    secret: true,
  },
  {
    name: 'nats-domain',
    env: 'MILLRACE_NATS_DOMAIN',
    value: 'NAME',
    about: 'the JetStream domain, where NATS servers are linked as leaf nodes',
    fallback: 'none',
  },
  {
    name: 'node-name',
    env: 'MILLRACE_NODE_NAME',
    value: 'NAME',
    about: 'what the node is called among the others',
    fallback: 'the name of the host',
  },
  {
    name: 'lease',
    env: 'MILLRACE_LEASE',
    value: 'SPAN',
    about: 'how long a node that is not heard of keeps its tasks; the same on all nodes',
    fallback: '10s',
  },
  {
    name: 'role',
    env: 'MILLRACE_ROLE',
    value: 'all|api|relay',
    about: 'whether the node answers requests, carries tasks, or both',
    fallback: 'all',
  },
  {
    name: 'capacity',
    env: 'MILLRACE_CAPACITY',
    value: 'N',
    about: 'how many tasks on air the node takes at most',
    fallback: 'what its workers can carry',
  },
  {
    name: 'advertise',
    env: 'MILLRACE_ADVERTISE',
    value: 'URL',
    about: 'where the other nodes reach the API of this one',
    fallback: 'where it listens',
  },
  {
    name: 'eager-recovery',
    env: 'MILLRACE_EAGER_RECOVERY',
    value: 'on|off',
    about: 'whether a lost side is also tried between the tries its task counts',
    fallback: 'on',
  },
  {
    name: 'source-silence',
    env: 'MILLRACE_SOURCE_SILENCE',
    value: 'MS',
    about: 'a source without media for so long has failed',
    fallback: '5000',
  },
  {
    name: 'source-silence-warm',
    env: 'MILLRACE_SOURCE_SILENCE_WARM',
    value: 'MS',
    about: 'the same while a warm standby could take over',
    fallback: '2000',
  },
  {
    name: 'source-floor',
    env: 'MILLRACE_SOURCE_FLOOR',
    value: 'KBIT',
    about: 'a source that sends less a second makes way for a standby, 0 for none',
    fallback: '0',
  },
  {
    name: 'warm-standby',
    env: 'MILLRACE_WARM_STANDBY',
    value: 'on|off',
    about: "whether a task's first standby is kept connected beside its source",
    fallback: 'off',
  },
  {
    name: 'delay-budget',
    env: 'MILLRACE_DELAY_BUDGET',
    value: 'MS',
    about: 'how much of a live stream is held back, so that a short loss of its source is not seen',
    fallback: '0',
  },
  {
    name: 'slate',
    env: 'MILLRACE_SLATE',
    value: 'off|hold|FILE',
    about: 'what is shown while there is no source: the last pictures, or a file (media:// or asset://)',
    fallback: 'off',
  },
  {
    name: 'keep-events',
    env: 'MILLRACE_KEEP_EVENTS',
    value: 'DAYS',
    about: 'how long events can be read, in days like 90d',
    fallback: '90d',
  },
  {
    name: 'same-destination',
    env: 'MILLRACE_SAME_DESTINATION',
    value: 'wait|refuse',
    about: 'whether a second task of one destination is made, and waits for the first, or is refused',
    fallback: 'wait',
  },
  {
    name: 'alibaba-running-event',
    env: 'MILLRACE_ALIBABA_RUNNING_EVENT',
    value: 'NAME',
    about: 'what Alibaba callbacks call a task that runs, recovers or is offline',
    fallback: 'LivePullToPushRunning',
  },
  {
    name: 'alibaba-exit-event',
    env: 'MILLRACE_ALIBABA_EXIT_EVENT',
    value: 'NAME',
    about: 'what Alibaba callbacks call the exit of a task',
    fallback: 'LivePullToPushExit',
  },
  {
    name: 'alibaba-end-on-air',
    env: 'MILLRACE_ALIBABA_END_ON_AIR',
    value: 'fixed|free',
    about: 'whether an Alibaba update may move the end of a task on air',
    fallback: 'fixed',
  },
  {
    name: 'alibaba-calls-per-second',
    env: 'MILLRACE_ALIBABA_CALLS_PER_SECOND',
    value: 'N',
    about: 'calls an account may make of each Alibaba operation, 0 for any number',
    fallback: '10',
  },
  {
    name: 'huawei-calls-per-second',
    env: 'MILLRACE_HUAWEI_CALLS_PER_SECOND',
    value: 'N',
    about: 'calls an account may make of each Huawei operation, 0 for any number',
    fallback: '0',
  },
  {
    name: 'native-calls-per-second',
    env: 'MILLRACE_NATIVE_CALLS_PER_SECOND',
    value: 'N',
    about: 'calls an account may make of each operation of the native API, 0 for any number',
    fallback: '100',
  },
  {
    name: 'access-key',
    env: 'MILLRACE_ACCESS_KEY',
    about: 'an access key that stands from the first start on',
    fallback: 'none',
  },
  {
    name: 'secret-key',
    env: 'MILLRACE_SECRET_KEY',
    about: 'the secret of that access key',
    fallback: 'none',
    secret: true,
  },
  { name: 'project-id', env: 'MILLRACE_PROJECT_ID', about: 'the project of that access key', fallback: 'a new one' },
];

/** What the commands that talk to a node read, and no node does. */
export const CLIENT_VARIABLES: readonly string[] = ['MILLRACE_API', 'MILLRACE_API_KEY', 'MILLRACE_CALLBACK_SECRET'];
