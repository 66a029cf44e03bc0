/** What an installation's things are called in NATS, where it may not be the only one. */
export interface Names {
  readonly nodes: string;
  readonly claims: string;
  readonly offers: string;
  offer(region: string): string;
  say(topic: string): string;
  ask(node: string): string;
  /** Asks a node to take an offer that another one has pulled. */
  pass(node: string): string;
  full(): string;
  beat(): string;
}

export const namesOf = (installation: string): Names => {
  const id = token(installation);
  const subject = `millrace.${id}`;
  return {
    nodes: `millrace_${id}_nodes`,
    claims: `millrace_${id}_claims`,
    offers: `millrace_${id}_offers`,
    offer: region => `${subject}.offer.${token(region)}`,
    say: topic => `${subject}.say.${token(topic)}`,
    ask: node => `${subject}.ask.${token(node)}`,
    pass: node => `${subject}.pass.${token(node)}`,
    full: () => `${subject}.full`,
    beat: () => `${subject}.beat`,
  };
};

/** One part of a subject, and one name of a stream or key: whatever the text is, and no two texts have the same. */
export const token = (text: string): string =>
  text === '' ? '=' : text.replace(/[^A-Za-z0-9_-]/gu, char => `=${Buffer.from(char).toString('hex')}=`);

export const untoken = (name: string): string =>
  name === '=' ? '' : name.replace(/=([0-9a-f]+)=/g, (_, hex: string) => Buffer.from(hex, 'hex').toString());
