/** What a node tells in figures. */
export interface Family {
  /** A gauge says what is, a counter what has been since the node was started. */
  readonly kind: 'gauge' | 'counter';
  readonly help: string;
  /** Each takes few values, so that nobody's memory is filled; `task` alone is counted, by `--metrics-tasks`. */
  readonly labels: readonly string[];
}

const gauge = (help: string, ...labels: readonly string[]): Family => ({ kind: 'gauge', help, labels });
const counter = (help: string, ...labels: readonly string[]): Family => ({ kind: 'counter', help, labels });

/** Read when they are asked for: what nobody asks for costs nothing. */
export const FAMILIES = {
  millrace_build_info: gauge('1, with what runs here', 'version', 'node', 'region'),
  millrace_ready: gauge('1 while every process that is wanted is connected'),
  millrace_uptime_seconds: gauge('Since the control process was started'),

  millrace_tasks: gauge('Tasks that are not deleted', 'status', 'dialect'),
  millrace_runs: gauge('Runs by how they stand: opening, flowing or broken', 'state'),
  millrace_on_slate_runs: gauge('Runs that show a slate in place of their source'),
  millrace_runs_by_protocol: gauge('Runs by what they pull and push with', 'side', 'protocol'),
  millrace_open_alarms: gauge('Alarms that are raised and not over', 'alarm'),
  millrace_media_kbit_per_second: gauge('What all runs together take in and give out', 'direction'),
  millrace_media_bytes_total: counter('Media taken in and given out', 'direction'),
  millrace_frames_total: counter('Pictures taken in and given out', 'direction'),
  millrace_dropped_packets_total: counter('Packets that were not sent, by why', 'cause'),
  millrace_reconnects_total: counter('Connections of a run beyond its first', 'side'),
  millrace_faults_total: counter('Failures of sources and destinations', 'side', 'kind'),
  millrace_queue_seconds_max: gauge('Media that waits for the slowest destination'),
  millrace_viewers: gauge('Who looks at live pictures'),

  millrace_callbacks_pending: gauge('Callbacks that wait to be sent, or to be tried again'),
  millrace_callbacks_dead: gauge('Callbacks that were given up and are kept'),
  millrace_callback_receivers: gauge('Receivers that are not well', 'state'),

  millrace_process_up: gauge('1 while the process is connected', 'role', 'slot'),
  millrace_process_runs: gauge('Runs that it carries', 'role', 'slot'),
  millrace_process_cpu_cores: gauge('What it uses of one core', 'role', 'slot'),
  millrace_process_resident_bytes: gauge('Memory that it holds', 'role', 'slot'),
  millrace_process_lag_seconds: gauge('How late its event loop was in the last second', 'role', 'slot'),
  millrace_process_uptime_seconds: gauge('Since it was started', 'role', 'slot'),
  millrace_process_losses_total: counter('Times that it was lost and replaced', 'role', 'slot'),

  millrace_data_free_bytes: gauge('Left for the data directory on its disk'),
  millrace_data_size_bytes: gauge('Size of that disk'),
  millrace_database_bytes: gauge('The database with its log'),

  millrace_task_kbit_per_second: gauge('Of one task, with --metrics-tasks', 'task', 'direction'),
  millrace_task_flowing: gauge('1 while its media flows, with --metrics-tasks', 'task'),
  millrace_task_queue_seconds: gauge('What waits for its destination, with --metrics-tasks', 'task'),
} as const satisfies Readonly<Record<string, Family>>;

export type FamilyName = keyof typeof FAMILIES;
