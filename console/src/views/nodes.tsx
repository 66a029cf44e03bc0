import { useAnswer } from '../asked.ts';
import { formatKbit, formatNumber, formatSeconds } from '../format.ts';
import type { Node } from '../model.ts';
import { CopyAs } from '../parts/copy-as.tsx';
import { Answered } from '../parts/empty.tsx';
import { NodeButtons } from '../parts/node-buttons.tsx';
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
              <NodeCard key={node.name} node={node} isAlone={nodes.length === 1} onDone={answer.again} />
            ))}
          </div>
        )}
      </Answered>
      <CopyAs change={{ method: 'GET', path: '/nodes', cli: ['node', 'list'] }} />
    </section>
  );
}

interface CardProps {
  readonly node: Node;
  /** It has nobody to give anything to. */
  readonly isAlone: boolean;
  readonly onDone: () => void;
}

function NodeCard({ node, isAlone, onDone }: CardProps) {
  const { tasks } = node;
  return (
    <section class="card" aria-label={node.name}>
      <h2>
        {node.name} <span class="tag">{tWord('node', wordOf(node))}</span>
        {node.self && !isAlone && <span class="tag">{t('nodes.self')}</span>}
      </h2>
      <p>{t('nodes.carries', { running: tasks.running, recovering: tasks.recovering, scheduled: tasks.scheduled })}</p>
      <p class="numbers">
        {t('rate.in')} {formatKbit(node.kbit_in)} · {t('rate.out')} {formatKbit(node.kbit_out)}
      </p>
      <p class="faint">
        {`Millrace ${node.version} · ${node.region}`}
        {node.uptime_s !== null && ` · ${t('nodes.uptime', { time: formatSeconds(node.uptime_s) })}`}
      </p>
      {!isAlone && <AmongOthers node={node} />}
      {node.workers.length > 0 && <Workers node={node} />}
      {!isAlone && <NodeButtons node={node} onDone={onDone} />}
    </section>
  );
}

/** What matters most of it: that it is away, then what is wanted of it. */
const wordOf = ({ presence, wanted, state }: Node): string =>
  presence !== 'present' ? presence : wanted !== 'active' ? wanted : state;

const LEAST_OFFSET_S = 1;

function AmongOthers({ node }: { readonly node: Node }) {
  const { runs, capacity, load, wanted, duties, clock_offset_s: offset } = node;
  const isOff = offset !== null && Math.abs(offset) >= LEAST_OFFSET_S;
  return (
    <>
      <p class="numbers">{t('nodes.room', { runs, capacity, load: formatNumber(100 * load) })}</p>
      {wanted === 'draining' && <p role="status">{t('nodes.left', { n: runs })}</p>}
      {duties.length > 0 && (
        <p class="faint">{t('nodes.duties', { duties: duties.map(duty => tWord('duty', duty)).join(', ') })}</p>
      )}
      {isOff && <p>{t('nodes.clock', { seconds: formatNumber(offset, 1) })}</p>}
    </>
  );
}

function Workers({ node }: { readonly node: Node }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`${t('nodes.workers')}: ${node.name}`}>
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
  );
}
