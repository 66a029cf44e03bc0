import { NODES } from './node-schema.ts';
import { type Route, route } from './route.ts';

const NODE = '/api/v1/nodes/:id';

/** Who the nodes are, and what is wanted of them. */
export const NODE_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/api/v1/nodes',
    action: 'millrace:nodes:list',
    summary: 'Shows the nodes: their processes, what they cost and carry, how they stand',
    answer: NODES,
    does: ({ nodes }, call) => nodes.list(call),
  }),
  route({
    method: 'POST',
    path: `${NODE}/drain`,
    action: 'millrace:nodes:operate',
    summary: 'Has a node take nothing more, and give its tasks to others, one by one',
    answer: NODES,
    does: ({ nodes }, call) => nodes.want('draining', call),
  }),
  route({
    method: 'POST',
    path: `${NODE}/cordon`,
    action: 'millrace:nodes:operate',
    summary: 'Has a node take nothing more, and keep what it has',
    answer: NODES,
    does: ({ nodes }, call) => nodes.want('cordoned', call),
  }),
  route({
    method: 'POST',
    path: `${NODE}/uncordon`,
    action: 'millrace:nodes:operate',
    summary: 'Has a node take tasks again',
    answer: NODES,
    does: ({ nodes }, call) => nodes.want('active', call),
  }),
];
