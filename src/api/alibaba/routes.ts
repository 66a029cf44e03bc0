import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../log.ts';
import type { Throttle } from '../throttle.ts';
import type { Gate } from './auth.ts';
import { asAnswer, invalid, missing, refused, throttled } from './error.ts';
import { ACTIONS, type Action, type Call, type Operation } from './operations.ts';
import { type Params, readParams } from './params.ts';
import { type Format, type Printed, printAnswer, printError, readFormat, readHostId } from './print.ts';
import { headerText, isAcs3 } from './proof.ts';

const VERSION = '2016-11-01';

export interface AlibabaOptions {
  readonly gate: Gate;
  readonly operations: Readonly<Record<Action, Operation>>;
  readonly throttle: Throttle;
  readonly log: Log;
}

/** Both verbs for every operation: the cloud's own pages and clients do not agree on one. */
export function alibabaRoutes(app: FastifyInstance, options: AlibabaOptions): void {
  app.route({
    method: ['GET', 'POST'],
    url: '/',
    handler: (request, reply) => answer(request, reply, options),
  });
}

async function answer(request: FastifyRequest, reply: FastifyReply, front: AlibabaOptions): Promise<FastifyReply> {
  let format: Format = 'json';
  try {
    const params = readParams(request.wire);
    format = requireFormat(params);
    const action = requireAction(request, params);
    const body = await front.operations[action](await admit(request, params, { ...front, action }));
    return send(reply, printAnswer(action, body, { requestId: requestIdOf(request), format }));
  } catch (error) {
    return refuse(error, request, reply, { log: front.log, format });
  }
}

/** Who calls, whether they may, and whether not too often: in this order. */
async function admit(
  { wire }: FastifyRequest,
  params: Params,
  { gate, throttle, action }: AlibabaOptions & { readonly action: Action },
): Promise<Call> {
  const caller = await gate.identify(wire, params);
  if (!caller.may(`live:${action}`)) throw refused('NoPermission');
  const waitMs = throttle.take(caller.accountId, action);
  if (waitMs > 0) throw throttled(waitMs);
  return { caller, params };
}

function requireFormat(params: Params): Format {
  const format = readFormat(params.text('Format'));
  if (format === undefined) throw refused('InvalidParameter.Format');
  return format;
}

/** Classic clients send headers of these names too, but neither sign them nor spell the action alike. */
function requireAction({ wire }: FastifyRequest, params: Params): Action {
  const isInHeaders = isAcs3(wire);
  const action = isInHeaders ? headerText(wire, 'x-acs-action') : params.text('Action');
  const version = isInHeaders ? headerText(wire, 'x-acs-version') : params.text('Version');
  if (action === undefined) throw missing('Action');
  if (version === undefined) throw missing('Version');
  if (version !== VERSION) throw invalid('Version');
  const known = ACTIONS.find(name => name === action);
  if (known === undefined) throw refused('InvalidAction.NotFound');
  return known;
}

/** What goes wrong on this path before or outside an operation, in this dialect's words. */
export function refuse(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { log, format = 'json' }: { readonly log: Log; readonly format?: Format },
): FastifyReply {
  const requestId = requestIdOf(request);
  const answer = asAnswer(error, request.id, log);
  return send(reply, printError(answer, readHostId(request.raw.rawHeaders), { requestId, format }));
}

const send = (reply: FastifyReply, { status, headers, body }: Printed): FastifyReply =>
  reply.code(status).headers(headers).send(body);

/** In the log it stands as it does for all dialects. */
const requestIdOf = ({ id }: Pick<FastifyRequest, 'id'>): string => id.toUpperCase();
