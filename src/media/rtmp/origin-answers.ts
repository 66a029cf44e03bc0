import { type AmfValue, encodeAmf0 } from './amf0.ts';
import { ChunkWriter } from './chunk-writer.ts';
import {
  command,
  MessageType,
  setChunkSize,
  setPeerBandwidth,
  streamBegin,
  streamEof,
  windowAckSize,
} from './message.ts';

/**
 * Bytes in a chunk we send, told to every client before anything longer goes out. A whole picture mostly fits into one
 * chunk, so that the reader finds it in one piece; clients in the field know the size from other servers.
 */
export const CHUNK_BYTES = 65_536;

/** Every client gets this message stream, so that one encoding of a stream serves all its players. */
export const STREAM_ID = 1;

const WINDOW_BYTES = 2_500_000;
const CONTROL_CSID = 2;
const COMMAND_CSID = 3;
const STATUS_CSID = 5;

/** Writes every origin's messages: with full headers only, it keeps nothing from one message to the next. */
export const originWriter = new ChunkWriter({ chunkSize: CHUNK_BYTES });

export interface Status {
  readonly level: 'status' | 'error';
  readonly code: string;
  readonly description: string;
}

export function control(type: number, payload: Buffer): Buffer {
  return originWriter.message({ type, csid: CONTROL_CSID, streamId: 0, timestampMs: 0 }, payload);
}

/** The answer to a call that carries the transaction. */
export function result(transaction: number, ...args: readonly AmfValue[]): Buffer {
  return invoke(0, command('_result', transaction, ...args));
}

export function status(what: Status): Buffer {
  const payload = command('onStatus', 0, null, { ...what });
  const head = { type: MessageType.commandAmf0, csid: STATUS_CSID, streamId: STREAM_ID, timestampMs: 0 };
  return originWriter.message(head, payload);
}

/** RTMP 1.0, section 7.2.1.1, and the order in which every server in the field sends it. */
export function connectAccepted(transaction: number): Buffer {
  return Buffer.concat([
    control(MessageType.windowAckSize, windowAckSize(WINDOW_BYTES)),
    control(MessageType.setPeerBandwidth, setPeerBandwidth(WINDOW_BYTES)),
    control(MessageType.setChunkSize, setChunkSize(CHUNK_BYTES)),
    result(
      transaction,
      { fmsVer: 'FMS/3,0,1,123', capabilities: 31 },
      {
        level: 'status',
        code: 'NetConnection.Connect.Success',
        description: 'Connection succeeded.',
        objectEncoding: 0,
      },
    ),
  ]);
}

export function connectRejected(transaction: number, description: string): Buffer {
  const info = { level: 'error', code: 'NetConnection.Connect.Rejected', description };
  return invoke(0, command('_error', transaction, null, info));
}

export function publishAccepted(): Buffer {
  return Buffer.concat([
    control(MessageType.userControl, streamBegin(STREAM_ID)),
    status({ level: 'status', code: 'NetStream.Publish.Start', description: 'Publishing.' }),
  ]);
}

export function playAccepted(): Buffer {
  return Buffer.concat([
    control(MessageType.userControl, streamBegin(STREAM_ID)),
    status({ level: 'status', code: 'NetStream.Play.Reset', description: 'Playing and resetting.' }),
    status({ level: 'status', code: 'NetStream.Play.Start', description: 'Playing.' }),
    sampleAccess(),
  ]);
}

/** Told to the players of a stream that is published again. */
export function publishedAgain(): Buffer {
  return Buffer.concat([
    control(MessageType.userControl, streamBegin(STREAM_ID)),
    status({ level: 'status', code: 'NetStream.Play.PublishNotify', description: 'The stream is published.' }),
  ]);
}

export function unpublished(): Buffer {
  return Buffer.concat([
    status({ level: 'status', code: 'NetStream.Play.UnpublishNotify', description: 'The stream is not published.' }),
    control(MessageType.userControl, streamEof(STREAM_ID)),
  ]);
}

/** What is asked for by name and answered without a look at the streams; undefined for every other call. */
export function plainAnswer(name: string, transaction: number): Buffer | undefined {
  switch (name) {
    case 'createStream':
      return result(transaction, null, STREAM_ID);
    case 'releaseStream':
    case '_checkbw':
      return result(transaction, null, undefined);
    case 'getStreamLength':
      return result(transaction, null, 0);
    case 'FCPublish':
      return announced(transaction, 'onFCPublish', 'NetStream.Publish.Start');
    case 'FCUnpublish':
      return announced(transaction, 'onFCUnpublish', 'NetStream.Unpublish.Success');
    case 'FCSubscribe':
      return announced(transaction, 'onFCSubscribe', 'NetStream.Play.Start');
    default:
      return undefined;
  }
}

function announced(transaction: number, name: string, code: string): Buffer {
  const info = { level: 'status', code, description: '' };
  return Buffer.concat([invoke(0, command(name, 0, null, info)), result(transaction, null, undefined)]);
}

function invoke(streamId: number, payload: Buffer): Buffer {
  const head = { type: MessageType.commandAmf0, csid: COMMAND_CSID, streamId, timestampMs: 0 };
  return originWriter.message(head, payload);
}

/** Flash players show nothing of a stream that does not allow them to. */
function sampleAccess(): Buffer {
  const head = { type: MessageType.dataAmf0, csid: STATUS_CSID, streamId: STREAM_ID, timestampMs: 0 };
  return originWriter.message(head, encodeAmf0(['|RtmpSampleAccess', true, true]));
}
