import type { Static } from 'typebox';
import type {
  DELIVERY,
  DELIVERY_WITH_BODY,
  ENDPOINT,
  EVENT,
  ROTATION,
  SECRET_LIST,
  TEST_OUTCOME,
} from '../api/native/log-schema.ts';

/** What a node answers over its native API: the schemas that describe it there say here what it is. */
export type TaskEvent = Frozen<Static<typeof EVENT>>;
/** With its body where it was asked for by its id. */
export type Delivery = Frozen<Static<typeof DELIVERY>> & Partial<Frozen<Static<typeof DELIVERY_WITH_BODY>>>;
export type Attempt = Delivery['log'][number];
export type Endpoint = Frozen<Static<typeof ENDPOINT>>;
export type TestOutcome = Frozen<Static<typeof TEST_OUTCOME>>;
export type SecretFacts = Frozen<Static<typeof SECRET_LIST>>['secrets'][number];
export type Rotation = Frozen<Static<typeof ROTATION>>;

/** What nobody changes any more. */
export type Frozen<Value> = Value extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : Value extends object
    ? { readonly [Name in keyof Value]: Frozen<Value[Name]> }
    : Value;

/** Parameters of a query: what is undefined is left out, a list is given as one. */
export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

export interface RedeliverWish {
  readonly since: string;
  readonly until?: string;
  readonly states?: readonly string[];
  readonly task_id?: string;
  readonly endpoint?: string;
}
