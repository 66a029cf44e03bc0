import type { Wishes } from '../../src/cli/wishes.ts';
import type { WrittenTask } from '../../src/cli/written-task.ts';
import type { Destination, ListItem, ListSource, LiveSource, Tls } from '../../src/client/task-words.ts';

/** 0 ≤ x < 1. */
type Random = () => number;

/** What a reader of YAML may take for something else, and what an editor or a terminal may not show. */
const AWKWARD = [
  ...['yes', 'no', 'on', 'null', '~', 'true', '123', '0x1f', '1e3', '.5', '-0', '0o17', '1_000', '2026-11-21', '12:30'],
  ...['- a', '? b', 'a: b', 'a #b', '#c', '&d', '*e', '!f', '%g', '@h', '`i', '|', '>', '>-', '{', '}', '[', ']', ','],
  ...["'", '"', '\\', "it's", 'say "no"', ' lead', 'trail ', '\ttab', 'two\nlines', 'ends\n', '\n\n', 'cr\rlf\r\n', ''],
  ...['---', '...', '<<', '=', 'ü', '直播', '😀', '\u0085', '\u2028', '\u2029', '\ufeff', '\u001b[2J', '\u007f'],
  ...['<script>alert(1)</script>', '$HOME', '{{x}}', 'a'.repeat(120), 'wort '.repeat(20)],
];

/** Configurations as different from each other as the API lets them be; the same for the same chance. */
export class SomeWishes {
  readonly #random: Random;
  readonly #mark: string;

  /** `mark` keeps apart what has to be unique over all accounts of a node. */
  constructor(random: Random, mark: string) {
    this.#random = random;
    this.#mark = mark;
  }

  next(): Wishes {
    const domains = this.#some(0, 2, at => ({ name: `d${at}.${this.#mark}.example`, target: this.#target() }));
    const projects = this.#maybe(0.3) ? ['default', `r-${this.#upTo(9)}`] : [];
    return {
      projects,
      domains,
      policies: this.#some(0, 1, at => ({ name: `p_${at}`, document: this.#document() })),
      assets: this.#some(0, 2, at => ({ id: `${this.#word().replace(/[^a-z]/g, 'x')}${at}`, url: this.#file() })),
      tasks: this.#some(0, 3, () => this.#task(domains, projects)),
    };
  }

  #task(domains: Wishes['domains'], projects: readonly string[]): WrittenTask {
    const source = this.#maybe(0.5) ? this.#live() : this.#list();
    return {
      id: this.#uuid(),
      ...(projects.length === 0 ? {} : { project: this.#one(projects) }),
      ...this.#perhaps(() => ({ name: this.#text() })),
      ...this.#perhaps(() => ({
        tags: [...new Set(this.#some(0, 4, () => this.#text() || 'x'))].map(it => it.slice(0, 30)),
      })),
      ...this.#perhaps(() => ({ region: `r_${this.#upTo(5)}` })),
      source,
      ...this.#perhaps(() => ({ standby: this.#some(0, 3, () => this.#stream()) })),
      destination: this.#destination(domains),
      start_at: new Date(1.8e12 + this.#upTo(1e9)).toISOString(),
      ...this.#perhaps(() => ({ end_at: this.#maybe(0.2) ? null : new Date(1.9e12 + this.#upTo(1e11)).toISOString() })),
      ...this.#perhaps(() => ({ enabled: this.#maybe(0.5) })),
      ...this.#perhaps(() => ({ callback: this.#maybe(0.2) ? null : this.#callback() })),
      ...this.#perhaps(() => ({ retry: { count: this.#upTo(100), interval_s: 1 + this.#upTo(5_000) / 1_000 } })),
      ...this.#perhaps(() => ({ delay_s: this.#upTo(30_000) / 1_000 })),
      ...this.#perhaps(() => ({ slate: this.#one(['off', 'hold']) })),
    };
  }

  #live(): LiveSource {
    const isTls = this.#maybe(0.3);
    const url = isTls ? `rtmps://cam.example/live/${this.#key()}` : this.#stream();
    return { kind: 'live', url, ...(isTls ? { tls: this.#tls() } : {}) };
  }

  #list(): ListSource {
    const items = this.#some(1, 4, () => this.#item());
    return {
      kind: 'list',
      items,
      ...this.#perhaps(() => ({ rounds: this.#maybe(0.3) ? 'endless' : 1 + this.#upTo(99) }) as const),
      ...this.#perhaps(() => ({ start_index: this.#upTo(items.length) })),
      ...this.#perhaps(() => ({ start_s: this.#upTo(90_000) / 1_000 })),
      ...this.#perhaps(() => ({ boundary: this.#one(['inline', 'republish', 'reject'] as const) })),
      ...this.#perhaps(() => ({ silence: this.#maybe(0.5) })),
      ...this.#perhaps(() => ({ on_change: this.#one(['new_source', 'file_start', 'breakpoint'] as const) })),
    };
  }

  #item(): ListItem {
    const inMs = this.#upTo(10_000);
    return {
      url: this.#file(),
      ...this.#perhaps(() => ({ in_s: inMs / 1_000 })),
      ...this.#perhaps(() => ({ out_s: (inMs + 1 + this.#upTo(90_000)) / 1_000 })),
      ...this.#perhaps(() => ({ repeats: 1 + this.#upTo(5) })),
      ...this.#perhaps(() => ({ video_track: this.#upTo(3) })),
      ...this.#perhaps(() => ({ audio_track: this.#upTo(3) })),
    };
  }

  #destination(domains: Wishes['domains']): Destination {
    const [domain] = domains;
    if (domain === undefined || this.#maybe(0.5)) {
      const isTls = this.#maybe(0.3);
      const url = `${isTls ? 'rtmps' : 'rtmp'}://push.example/live/${this.#key()}`;
      return { kind: 'url', url, ...(isTls ? { tls: this.#tls() } : {}) };
    }
    const args = this.#perhaps(() => ({ args: `sign=${this.#key()}&n=${this.#upTo(99)}` }));
    return { kind: 'ingest', domain: domain.name, app: `app${this.#upTo(9)}`, stream: this.#key(), ...args };
  }

  #tls(): Tls {
    return {
      ...this.#perhaps(() => ({ pins: [`sha256/${'A'.repeat(43)}=`] })),
      ...this.#perhaps(() => ({ server_name: 'inner.example' })),
    };
  }

  #callback() {
    return {
      url: `https://hook.example/${this.#key()}?token=${this.#key()}`,
      ...this.#perhaps(() => ({ events: this.#one([[], ['flowing'], ['gave_up', 'alarm']]) })),
    };
  }

  #document() {
    const actions = this.#some(1, 3, () => this.#one(['live:*', 'millrace:tasks:list', 'millrace:*', '*']));
    return { Version: '1.1', Statement: [{ Effect: this.#one(['Allow', 'Deny']), Action: actions, Resource: '*' }] };
  }

  #target = (): string => `${this.#one(['rtmp', 'rtmps'])}://in${this.#upTo(9)}.example:${1935 + this.#upTo(9)}`;
  #stream = (): string => `rtmp://cam${this.#upTo(9)}.example/live/${this.#key()}?auth=${this.#key()}`;
  #file = (): string => `https://files.example/${this.#key()}.mp4?sign=${this.#key()}`;
  #key = (): string => Array.from({ length: 12 }, () => '0123456789abcdef-_.~%41'.charAt(this.#upTo(16))).join('');
  #word = (): string => this.#one(['news', 'shop', 'a', 'lang']);
  #text = (): string =>
    this.#some(1, 2, () => this.#one(AWKWARD))
      .join('')
      .slice(0, 128);

  #uuid(): string {
    const hex = Array.from({ length: 32 }, () => this.#upTo(16).toString(16)).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  #some<Thing>(least: number, most: number, make: (at: number) => Thing): Thing[] {
    return Array.from({ length: least + this.#upTo(most - least + 1) }, (_, at) => make(at));
  }

  #perhaps<Fields extends object>(make: () => Fields): Fields | Record<never, never> {
    return this.#maybe(0.5) ? make() : {};
  }

  #one<Thing>(things: readonly Thing[]): Thing {
    const thing = things[this.#upTo(things.length)];
    if (thing === undefined) throw new Error('nothing to choose from');
    return thing;
  }

  #maybe = (likely: number): boolean => this.#random() < likely;
  #upTo = (end: number): number => Math.floor(this.#random() * end);
}
