import { type Address, authorityOf } from '../address.ts';
import { within } from '../deadline.ts';
import { Fault, type Side } from '../fault.ts';
import type { Dialler } from '../net.ts';
import { SrtChild } from './child.ts';
import { isListener, listenProblem, srtParameters } from './target.ts';

export interface SrtOptions {
  readonly dialler: Dialler;
  readonly signal: AbortSignal;
}

const HANDSHAKE_MS = 6_000;
/** Who is waited for may come late; then is waited for anew. */
const CALLED_MS = 60_000;

/** A child that is connected with the peer. */
export async function openSrt(address: Address, side: Side, { dialler, signal }: SrtOptions): Promise<SrtChild> {
  const where = `srt://${authorityOf(address)}`;
  const parameters = parametersOf(address, side);
  const listens = isListener(parameters);
  const ip = listens ? anyAddress(address, side, dialler) : await dialler.locate(address, { side, signal });
  const child = await SrtChild.start({ side, where, ip, port: address.port, parameters });
  try {
    if (side === 'push') fenceIn(child, dialler);
    const late = listens ? `nobody has called ${where}` : `${where} did not finish the SRT handshake`;
    await within({ side, signal, late, waitMs: listens ? CALLED_MS : HANDSHAKE_MS }, () => child.connected);
    return child;
  } catch (error) {
    child.kill();
    throw error;
  }
}

/** It holds bytes of its own, which are not to go out past the fence. */
function fenceIn(child: SrtChild, { fence }: Dialler): void {
  fence?.check();
  const forget = fence?.guard(() => child.kill());
  if (forget !== undefined) child.onceOver(forget);
}

/** Of this machine, where it may wait. */
function anyAddress(address: Address, side: Side, { listens }: Dialler): string {
  const problem = listenProblem(address, listens);
  if (problem === undefined) return address.host;
  throw new Fault(side, 'policy', problem);
}

function parametersOf(address: Address, side: Side): ReturnType<typeof srtParameters> {
  try {
    return srtParameters(address);
  } catch (cause) {
    throw new Fault(side, 'unsupported', (cause as Error).message, { cause });
  }
}
