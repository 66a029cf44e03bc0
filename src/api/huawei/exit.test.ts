import { describe, expect, it } from 'vitest';
import type { EventType } from '../../task/event.ts';
import { newTask, type Step, stepsAfter, type Task } from '../../task/task.ts';
import { renderHuawei } from './callback.ts';
import { readCreate } from './task.ts';

const NOW = Date.UTC(2026, 2, 1, 8);
const WISH = {
  source_type: 'PullLivePushLive',
  source_urls: ['rtmp://src.example/live/a'],
  destination_url: 'rtmp://dst.example/live/b',
  callback_url: 'http://cb.example/x',
};

/** A task to which things happen, and what its receiver was told of its starts and ends. */
class Life {
  readonly told: string[] = [];
  #made = 0;
  #task: Task;

  constructor() {
    const spec = readCreate(WISH, { checkUrl: () => undefined, now: NOW, region: 'r' });
    const first = newTask({ id: 't1', accountId: 'a', projectId: 'p', spec, now: NOW, eventId: 'e0' });
    this.#task = first.task;
    this.#tell(first);
  }

  get status(): Task['status'] {
    return this.#task.status;
  }

  happen(type: EventType): void {
    const nextStamp = () => ({ now: NOW + this.#made, eventId: `e${++this.#made}` });
    for (const step of stepsAfter(this.#task, { type, cause: 'run', reason: '' }, nextStamp)) {
      this.#task = step.task;
      this.#tell(step);
    }
  }

  #tell({ event, task }: Step): void {
    const rendered = renderHuawei(event, task);
    const body = rendered && JSON.parse(rendered.body);
    if (body?.event_type === 'TaskStart') this.told.push('start');
    if (body?.event_type === 'TaskExit') this.told.push(`exit ${body.code} ${body.message}`);
  }
}

describe('the exits that a receiver is told', () => {
  it.each<[string, readonly EventType[], readonly string[]]>([
    ['paused ahead of its start', ['stopped'], []],
    ['paused ahead of its start, and deleted later', ['stopped', 'deleted'], []],
    ['paused ahead of its start, enabled and deleted', ['stopped', 'restarted', 'deleted'], ['exit 0 deleted']],
    ['deleted before its start', ['deleted'], ['exit 0 deleted']],
    ['over before its start', ['expired'], ['exit 0 end_time reached']],
    ['paused while it was tried in vain', ['claimed', 'broke', 'stopped', 'deleted'], ['exit 0 paused']],
    ['given up before it flowed', ['claimed', 'broke', 'gaveUp'], ['exit 1 given up']],
    ['given up, and over later', ['claimed', 'broke', 'gaveUp', 'expired'], ['exit 1 given up']],
    ['given up, and deleted later', ['claimed', 'gaveUp', 'deleted', 'deleted'], ['exit 1 given up']],
    ['lost and found', ['claimed', 'flowing', 'broke', 'flowing', 'claimed', 'flowing'], ['start']],
    ['over', ['claimed', 'flowing', 'expired'], ['start', 'exit 0 end_time reached']],
    ['over, and deleted later', ['claimed', 'flowing', 'expired', 'deleted'], ['start', 'exit 0 end_time reached']],
    ['deleted on air', ['claimed', 'flowing', 'deleted', 'expired'], ['start', 'exit 0 deleted']],
    ['played to its end', ['claimed', 'flowing', 'finished', 'expired'], ['start', 'exit 0 all rounds played']],
    ['paused twice', ['claimed', 'flowing', 'stopped', 'stopped'], ['start', 'exit 0 paused']],
    [
      'enabled again',
      ['claimed', 'flowing', 'stopped', 'restarted', 'claimed', 'flowing', 'expired'],
      ['start', 'exit 0 paused', 'start', 'exit 0 end_time reached'],
    ],
    [
      'given up, and enabled again in vain',
      ['claimed', 'gaveUp', 'restarted', 'claimed', 'gaveUp'],
      ['exit 1 given up', 'exit 1 given up'],
    ],
    [
      'started over on air',
      ['claimed', 'flowing', 'restarted', 'claimed', 'flowing', 'deleted'],
      ['start', 'exit 0 restarted', 'start', 'exit 0 deleted'],
    ],
  ])('are these where a task is %s', (_, happens, told) => {
    const life = new Life();
    for (const type of happens) life.happen(type);
    expect(life.told).toEqual(told);
  });

  it('are one for each life that ends, whatever happens, and none else', () => {
    const types = ['claimed', 'flowing', 'broke', 'gaveUp', 'finished', 'stopped', 'restarted', 'expired'] as const;
    let state = 7;
    const next = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((state / 2 ** 31) * below);
    };
    for (let task = 0; task < 2_000; task++) {
      const life = new Life();
      let lives = 0;
      for (let step = 0; step < 15; step++) {
        const type = types[next(types.length)] ?? 'claimed';
        const before = life.status;
        life.happen(type);
        const isOver = life.status === 'stopped' || life.status === 'exited';
        const wasAlive = before === 'running' || before === 'recovering';
        const endsWaiting = before === 'scheduled' && isOver && type !== 'stopped';
        if ((wasAlive && (isOver || type === 'restarted')) || endsWaiting) lives++;
        expect(life.told.filter(words => words.startsWith('exit'))).toHaveLength(lives);
      }
      expect(life.told.join(' ')).not.toContain('start start');
    }
  });
});
