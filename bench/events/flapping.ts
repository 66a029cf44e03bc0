import { CountedSource } from '../../test/lab/counted-source.ts';
import { openHook } from '../../test/lab/hook.ts';
import { Millrace } from '../../test/lab/millrace.ts';
import { Oracle } from '../../test/lab/oracle.ts';
import { until } from '../../test/lab/wait.ts';
import { pass } from '../wait.ts';
import { openBeside } from './beside.ts';
import { figure, type Subject } from './measure.ts';

const MINUTES = 10;
/** Long enough for an alarm to be over each time. */
const UP_MS = 13_000;
const DOWN_MS = 1_000;
const MOST_EVENTS = 100_000;

/** A source that is lost again as soon as its loss has been told to be over. */
export const flapping: Subject = {
  row: 'coalescing',
  what: `a source of a real task is lost and back every ${(UP_MS + DOWN_MS) / 1000} s for ${MINUTES} minutes`,
  measure: async (place, { scale, tell, signal }) => {
    const [source, oracle] = [await CountedSource.start(place), await Oracle.start(place)];
    const [node, receiver] = [
      await Millrace.start(place, { flags: ['--workers', '1', '--rtmp', 'off'] }),
      await openHook(place),
    ];
    const taskId = await node.huawei.createLive(source.url(), oracle.url('out'), { callback_url: receiver.url });
    await until('it is on air', () => oracle.stream('out').video.length > 0);
    const minutes = MINUTES * scale;
    let losses = 0;
    for (const endMs = performance.now() + minutes * 60_000; performance.now() < endMs; losses++) {
      await pass(UP_MS, signal);
      await source.vanish('reset');
      await pass(DOWN_MS, signal);
      await source.appear();
      if (losses % 20 === 0) tell(`lost ${losses} times`);
    }
    const { store, accountId } = await openBeside(place, node);
    const events = await store.eventLog({ accountId, taskId }, { after: 0, limit: MOST_EVENTS });
    const raised = events.filter(({ type, detail }) => type === 'alarm' && detail.set !== false).length;
    const broke = events.filter(({ type }) => type === 'broke').length;
    const told = receiver.told.filter(({ body }) => body.event_type === 'TaskAlarm').length;
    return [
      figure('losses of the source', losses, 'losses', '>= 1'),
      figure('alarms raised', raised, 'alarms', `<= ${Math.ceil(minutes) + 1}`),
      figure('callbacks of alarms', told, 'callbacks', `<= ${2 * (Math.ceil(minutes) + 1)}`),
      figure('losses in the log for each alarm', broke / raised, 'losses', '>= 2'),
      figure('pushes that it took', oracle.stream('out').pushes.length, 'pushes', '1'),
    ];
  },
};
