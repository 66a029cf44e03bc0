import type { InForce } from './opening.ts';
import type { Batch, Packet, PacketKind } from './packet.ts';
import { insertSets, type ParameterSets, parameterSetsOf } from './parameter-sets.ts';

/** Holds the codec headers and metadata in force, and gives those out that have not been sent yet. */
export class CodecHeaders implements InForce {
  metadata: Buffer | undefined;
  videoHeader: Buffer | undefined;
  audioHeader: Buffer | undefined;
  /** Whether any is to go out before the next frame: a field, because it is asked for every packet. */
  areDue = false;
  /** Those that came while nothing could pass, or differ from what was sent. */
  readonly #fresh = new Set<PacketKind>();
  /** Of a codec header that took another's place in the middle of a stream: the next key frame brings them too. */
  #sets: ParameterSets | undefined;

  keep(packet: Packet): void {
    const kind = packet.kind as 'metadata' | 'videoHeader' | 'audioHeader';
    const bytes = packet.copyPayload();
    if (this[kind]?.equals(bytes) === true) return;
    if (kind === 'videoHeader' && this.videoHeader !== undefined) this.#sets = parameterSetsOf(bytes);
    this[kind] = bytes;
    this.#fresh.add(kind);
    this.areDue = true;
  }

  send(to: Batch, atMs: number): void {
    this.#send(to, 'metadata', atMs);
    this.#send(to, 'videoHeader', atMs);
    this.#send(to, 'audioHeader', atMs);
    this.#fresh.clear();
    this.areDue = false;
  }

  /** Lets a key frame bring what is new of its header. */
  enrich(key: Packet): void {
    if (this.#sets !== undefined) insertSets(key, this.#sets);
    this.#sets = undefined;
  }

  #send(to: Batch, kind: 'metadata' | 'videoHeader' | 'audioHeader', atMs: number): void {
    const bytes = this[kind];
    if (bytes === undefined || !this.#fresh.has(kind)) return;
    const packet = to.next();
    packet.reset(kind, atMs);
    packet.addSpan(bytes, 0, bytes.length);
  }
}
