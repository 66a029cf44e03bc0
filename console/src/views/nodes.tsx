import { useAnswer } from '../asked.ts';
import { formatKbit, formatNumber, formatSeconds } from '../format.ts';
import type { Node } from '../model.ts';
import { CopyAs } from '../parts/copy-as.tsx';
import { Answered } from '../parts/empty.tsx';
import { t, tWord } from '../words.ts';

/** Who carries what? */
export function Nodes() {
  const answer = useAnswer<{ readonly nodes: readonly Node[] }>('/nodes', 2_000);
  return (
    <section>
      <h1>{t('nav.nodes')}</h1>
      <Answered answer={answer}>
        {({ nodes }) => (
          <div class="columns">
            {nodes.map(node => (
              <NodeCard key={node.name} node={node} />
            ))}
          </div>
        )}
      </Answered>
      <CopyAs change={{ method: 'GET', path: '/nodes', cli: ['node', 'list'] }} />
    </section>
  );
}

function NodeCard({ node }: { readonly node: Node }) {
  const { tasks } = node;
  return (
    <section class="card" aria-label={node.name}>
      <h2>
        {node.name} <span class="tag">{tWord('node', node.state)}</span>
      </h2>
      <p>{t('nodes.carries', { running: tasks.running, recovering: tasks.recovering, scheduled: tasks.scheduled })}</p>
      <p class="numbers">
        {t('rate.in')} {formatKbit(node.kbit_in)} · {t('rate.out')} {formatKbit(node.kbit_out)}
      </p>
      <p class="faint">
        Millrace {node.version} · {node.region} · {t('nodes.uptime', { time: formatSeconds(node.uptime_s) })}
      </p>
      <div class="scroll" tabIndex={0} role="region" aria-label={t('nodes.workers')}>
        <table>
          <caption>{t('nodes.workers')}</caption>
          <thead>
            <tr>
              <th scope="col">{t('nodes.pid')}</th>
              <th scope="col">{t('nodes.runs')}</th>
              <th scope="col">{t('nodes.cpu')}</th>
              <th scope="col">{t('nodes.memory')}</th>
            </tr>
          </thead>
          <tbody>
            {node.workers.map((worker, at) => (
              <tr key={worker.pid ?? at}>
                <td>{worker.pid ?? '—'}</td>
                <td class="number">{worker.runs}</td>
                <td class="number">{worker.cpu === null ? '—' : `${formatNumber(100 * worker.cpu, 1)} %`}</td>
                <td class="number">{worker.rss_mb === null ? '—' : `${formatNumber(worker.rss_mb)} MB`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
