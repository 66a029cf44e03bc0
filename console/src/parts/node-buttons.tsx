import { useSignal } from '@preact/signals';
import { useActing } from '../acting.ts';
import { call } from '../api.ts';
import type { Node } from '../model.ts';
import { may } from '../visitor.ts';
import { t } from '../words.ts';
import { CopyAs } from './copy-as.tsx';
import { Dialog } from './dialog.tsx';
import { ProblemNote } from './problem-note.tsx';

type NodeVerb = 'drain' | 'cordon' | 'uncordon';

const VERBS: Readonly<Record<Node['wanted'], readonly NodeVerb[]>> = {
  active: ['drain', 'cordon'],
  cordoned: ['drain', 'uncordon'],
  draining: ['uncordon'],
};

interface NodeProps {
  readonly node: Node;
  readonly onDone: () => void;
}

/** What becomes of a node, for those who may say so. */
export function NodeButtons({ node, onDone }: NodeProps) {
  const asked = useSignal<NodeVerb | undefined>(undefined);
  if (!may('millrace:nodes:operate') || node.presence === 'gone') return null;
  return (
    <div class="row">
      {VERBS[node.wanted].map(verb => (
        <button key={verb} type="button" onClick={() => (asked.value = verb)}>
          {t(`node.${verb}`)}
        </button>
      ))}
      {asked.value !== undefined && (
        <AskFirst node={node} verb={asked.value} onDone={onDone} onClose={() => (asked.value = undefined)} />
      )}
    </div>
  );
}

interface AskProps extends NodeProps {
  readonly verb: NodeVerb;
  readonly onClose: () => void;
}

function AskFirst({ node: { name }, verb, onDone, onClose }: AskProps) {
  const { problem, isBusy, act } = useActing();
  const path = `/nodes/${encodeURIComponent(name)}/${verb}`;
  const carry = (): Promise<void> =>
    act(async () => {
      await call('POST', path);
      onDone();
      onClose();
    });
  return (
    <Dialog title={t(`nodes.ask_${verb}`, { name })} onClose={onClose}>
      <p>{t(`nodes.means_${verb}`)}</p>
      <ProblemNote problem={problem} />
      <div class="row">
        <button type="button" class="primary" disabled={isBusy} onClick={() => void carry()}>
          {t(`node.${verb}`)}
        </button>
        <button type="button" onClick={onClose}>
          {t('action.cancel')}
        </button>
      </div>
      <CopyAs change={{ method: 'POST', path, cli: ['node', verb, name] }} />
    </Dialog>
  );
}
