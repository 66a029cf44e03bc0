import type { Gate as AlibabaGate } from './alibaba/auth.ts';
import { AlibabaError } from './alibaba/error.ts';
import { Params } from './alibaba/params.ts';
import { isAcs3 } from './alibaba/proof.ts';
import { type Caller, headerValues, type WireRequest } from './auth.ts';
import type { Gate as HuaweiGate } from './huawei/auth.ts';
import { HuaweiError } from './huawei/error.ts';
import { forbidden, type Identify, unproven } from './native/auth.ts';
import { NativeError } from './native/error.ts';

export interface SignedCallersOptions {
  readonly huawei: Pick<HuaweiGate, 'identify'>;
  readonly alibaba: Pick<AlibabaGate, 'identify'>;
}

/** Lets the native API know callers by the signatures and tokens of the other dialects, none of which knows another. */
export const signedCallers = ({ huawei, alibaba }: SignedCallersOptions): readonly Identify[] => [
  request => (isHuawei(request) ? inOurWords(huawei.identify(request)) : undefined),
  // The older signature is over parameters that our paths do not have.
  request => (isAcs3(request) ? inOurWords(alibaba.identify(request, new Params([]))) : undefined),
];

const isHuawei = ({ rawHeaders }: WireRequest): boolean =>
  headerValues(rawHeaders, 'x-auth-token').length > 0 ||
  headerValues(rawHeaders, 'authorization').some(value => /^\s*SDK-HMAC-/i.test(value));

async function inOurWords(identified: Promise<Caller>): Promise<Caller> {
  try {
    return await identified;
  } catch (error) {
    throw translated(error);
  }
}

/** Whatever these gates refuse is about who calls; anything else is handed on as it is. */
function translated(error: unknown): unknown {
  if (error instanceof HuaweiError)
    return error.answer === 'forbidden' ? forbidden(error.message) : unproven(error.message);
  if (!(error instanceof AlibabaError)) return error;
  if (error.status === 403 || error.code === 'InvalidAccessKeyId.Inactive') return forbidden(error.message);
  return error.status >= 500 ? new NativeError('INTERNAL', error.message) : unproven(error.message);
}
