import { useAnswer } from '../asked.ts';
import type { Delivery, Task } from '../model.ts';
import { DeliveryList } from '../parts/delivery-list.tsx';
import { Answered, Empty } from '../parts/empty.tsx';
import { TestCallback } from '../parts/test-callback.tsx';
import { t } from '../words.ts';

/** Did my system hear about it? */
export function TaskCallbacks({ task }: { readonly task: Task }) {
  const answer = useAnswer<{ readonly deliveries: readonly Delivery[] }>(
    `/deliveries?task_id=${task.id}&limit=100`,
    5_000,
  );
  return (
    <>
      {task.callback === null ? (
        <Empty>{t('deliveries.no_receiver')}</Empty>
      ) : (
        <TestCallback taskId={task.id} url={task.callback.url} />
      )}
      <Answered answer={answer}>
        {({ deliveries }) => <DeliveryList deliveries={deliveries} onChange={answer.again} />}
      </Answered>
    </>
  );
}
