import type { Post, PostRequest } from '../../../src/control/callbacks.ts';
import type { Delivery } from '../../../src/store/store.ts';
import type { Chance } from './chance.ts';
import { type Life, never, type ProcessClock } from './timeline.ts';
import type { Weather } from './weather.ts';

/** How a receiver of callbacks answers. */
export type Manners = 'well' | 'slow' | 'fails' | 'hangs' | 'away';

export const RECEIVERS = ['one.sim', 'two.sim', 'three.sim', 'four.sim'] as const;

/** What is known of one delivery at its receiver. */
interface Receipt {
  readonly body: string;
  tries: number;
  taken: number;
}

export interface ReceiversParts {
  readonly chance: Chance;
  readonly weather: Weather;
  readonly broken: (law: string) => void;
  /** The number of the first event of the task that nobody has been told of, nor been tried with. */
  readonly firstUntried: (taskId: string) => number | undefined;
}

/** Names the delivery to the receivers, beside what its dialect signs it with. */
export const DELIVERY = 'x-delivery';

/** Those who are told of events. */
export class Receivers {
  readonly #parts: ReceiversParts;
  readonly #manners = new Map<string, Manners>();
  readonly #receipts = new Map<string, Receipt>();

  constructor(parts: ReceiversParts) {
    this.#parts = parts;
  }

  setManners(host: string, manners: Manners): void {
    this.#manners.set(host, manners);
  }

  heal(): void {
    this.#manners.clear();
  }

  receiptOf(deliveryId: string): Pick<Receipt, 'tries' | 'taken'> {
    return this.#receipts.get(deliveryId) ?? { tries: 0, taken: 0 };
  }

  forget(deliveryId: string): void {
    this.#receipts.delete(deliveryId);
  }

  /** What names the delivery in the request. */
  readonly nameOf = ({ id, taskId, seq }: Delivery): Readonly<Record<string, string>> => ({
    [DELIVERY]: `${id} ${taskId} ${seq}`,
  });

  postOf(life: Life, clock: ProcessClock): Post {
    const { chance, weather } = this.#parts;
    return async (request, { signal }) => {
      weather.step(life);
      if (!life.alive) return never();
      const manners = this.#manners.get(new URL(request.url).hostname) ?? 'well';
      if (manners === 'away') throw new Error('connect ECONNREFUSED');
      const receipt = this.#note(request);
      if (manners === 'hangs') await clock.sleep(3_600_000, signal);
      await clock.sleep(manners === 'slow' ? chance.around(4_000) : 5, signal);
      if (manners === 'fails') return { status: 500 };
      receipt.taken++;
      return { status: 200 };
    };
  }

  #note({ headers, body }: PostRequest): Receipt {
    const { broken, firstUntried } = this.#parts;
    const [id = '', taskId = '', seq = ''] = (headers[DELIVERY] ?? '').split(' ');
    const receipt = this.#receipts.get(id) ?? { body, tries: 0, taken: 0 };
    this.#receipts.set(id, receipt);
    receipt.tries++;
    if (receipt.body !== body) broken(`callback ${seq} of ${taskId} was told in other words than before`);
    const first = firstUntried(taskId);
    if (first !== undefined && first < Number(seq)) {
      broken(`callback ${seq} of ${taskId} was sent while ${first} had not been tried`);
    }
    return receipt;
  }
}
