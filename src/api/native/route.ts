import type { StaticDecode, TSchema } from 'typebox';
import type { WireRequest } from '../auth.ts';
import type { AccessCalls } from './access-calls.ts';
import type { AssetCalls } from './asset-calls.ts';
import type { Admission, NativeCaller } from './auth.ts';
import type { NativeCalls } from './calls.ts';
import type { DemoCalls } from './demo-calls.ts';
import type { DoctorCalls } from './doctor-calls.ts';
import type { NodeCalls } from './node-calls.ts';
import { NOTHING, readBody, readQuery, refuseBody } from './params.ts';
import type { PlanCalls } from './plan-calls.ts';
import type { SessionCalls } from './session-calls.ts';
import type { SignalCalls } from './signal-calls.ts';
import type { TaskCalls } from './task-calls.ts';

/** Who does what is asked. */
export interface Rooms {
  readonly log: NativeCalls;
  readonly tasks: TaskCalls;
  readonly sessions: SessionCalls;
  readonly access: AccessCalls;
  readonly assets: AssetCalls;
  readonly signals: SignalCalls;
  readonly nodes: NodeCalls;
  readonly doctor: DoctorCalls;
  readonly plans: PlanCalls;
  readonly demo: DemoCalls;
}

/** A call that was let in. */
export interface Call<Query = unknown, Body = unknown> {
  readonly caller: NativeCaller;
  readonly wire: WireRequest;
  readonly requestId: string;
  /** Of what the path names; "" where it names nothing. */
  readonly id: string;
  readonly query: Query;
  readonly body: Body;
  /** A header of the answer that its body does not tell. */
  readonly sets: (name: string, value: string) => void;
}

/** What nobody changes any more. */
type Frozen<Value> = Value extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : Value extends object
    ? { readonly [Name in keyof Value]: Frozen<Value[Name]> }
    : Value;

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** A row of the table: what is taken, who may send it, and what is answered. */
interface Row<Query extends TSchema, Body extends TSchema, Answer extends TSchema> {
  readonly method: Method;
  readonly path: string;
  readonly action: Admission;
  /** One line for whoever reads the document of the API. */
  readonly summary: string;
  /** Nothing where it is absent. */
  readonly query?: Query;
  readonly body?: Body;
  /** Headers that it heeds beside the usual ones, and what they say. */
  readonly heeds?: Readonly<Record<string, string>>;
  readonly answer: Answer;
  /** Of a call that went well; 200 where it is absent. */
  readonly status?: number;
  readonly does: (
    rooms: Rooms,
    call: Call<StaticDecode<Query>, StaticDecode<Body>>,
  ) => Promise<Frozen<StaticDecode<Answer>>>;
  /** Beside the usual ones. */
  readonly headers?: (answer: Frozen<StaticDecode<Answer>>) => Readonly<Record<string, string>>;
}

/** The same without its types, which its own row has held together. */
export interface Route extends Pick<Row<TSchema, TSchema, TSchema>, 'method' | 'path' | 'action' | 'summary'> {
  readonly query: TSchema;
  /** Undefined where a body is refused. */
  readonly body: TSchema | undefined;
  readonly heeds: Readonly<Record<string, string>>;
  readonly answer: TSchema;
  readonly status: number;
  readonly run: (rooms: Rooms, call: Omit<Call, 'query' | 'body'>) => Promise<Answered>;
}

export interface Answered {
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

export function route<
  Query extends TSchema = typeof NOTHING,
  Body extends TSchema = typeof NOTHING,
  Answer extends TSchema = TSchema,
>(row: Row<Query, Body, Answer>): Route {
  const { method, path, action, summary, heeds = {}, answer, status = 200, does, headers } = row;
  const query: TSchema = row.query ?? NOTHING;
  const body: TSchema | undefined = method === 'POST' || method === 'PATCH' ? (row.body ?? NOTHING) : undefined;
  const run = async (rooms: Rooms, call: Omit<Call, 'query' | 'body'>): Promise<Answered> => {
    const { wire } = call;
    if (body === undefined) refuseBody(wire);
    // What the absent ones would be: nothing.
    const given = readQuery(wire.target, query) as StaticDecode<Query>;
    const document = (body === undefined ? {} : readBody(wire, body)) as StaticDecode<Body>;
    const answered = await does(rooms, { ...call, query: given, body: document });
    return { body: answered, headers: headers?.(answered) ?? {} };
  };
  return { method, path, action, summary, query, body, heeds, answer, status, run };
}
