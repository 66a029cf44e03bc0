/** What nodes agree through cannot be reached, or does not answer. */
export class ClusterFault extends Error {
  override readonly name = 'ClusterFault';
}

/** Another node that is alive goes by our name. */
export class NodeNameTaken extends Error {
  override readonly name = 'NodeNameTaken';

  constructor(node: string) {
    super(`another node goes by the name ${node}, and it is alive: give this one another with --node-name`);
  }
}
