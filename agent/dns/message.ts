/** Questions as they come in and answers as they go out. dns-packet reads and writes; the question's bytes stay as they came. Pure. */
import * as dnsPacket from 'dns-packet';
import type { Answer, Packet, RecordType } from 'dns-packet';
import { dnsLimits } from '../limits.ts';
import { compressed, fitting, headerBytes, questionEnd, setCounts } from './wire.ts';

export type Transport = 'udp' | 'tcp';

export const rcodes = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5, badVersion: 16 } as const;

const flagBits = { response: 0x8000, opcode: 0x7800, authoritative: 0x400, truncated: 0x200, recursionDesired: 0x100, recursionAvailable: 0x80, authentic: 0x20, checkingDisabled: 0x10, rcode: 0xf };
const dnssecOkBit = 0x8000;

export interface Query {
  readonly id: number;
  readonly flags: number;
  /** Name, type and class as they were sent, letters as they are. */
  readonly question: Buffer;
  /** As sent, without a dot at the end. */
  readonly name: string;
  readonly type: RecordType | 'ANY';
  readonly edns: { readonly bytesMax: number; readonly dnssecOk: boolean } | undefined;
}

/** What is said of a message that is no question to be answered; undefined for what is best left alone. */
export interface Refusal {
  readonly refusal: Buffer | undefined;
}

const refusalOf = (message: Buffer, rcode: number): Refusal => {
  const refusal = Buffer.alloc(headerBytes);
  message.copy(refusal, 0, 0, 2);
  refusal.writeUInt16BE(flagBits.response | (message.readUInt16BE(2) & (flagBits.opcode | flagBits.recursionDesired)) | rcode, 2);
  return { refusal };
};

const decoded = (message: Buffer): (Packet & { readonly questionEnd: number }) | undefined => {
  try {
    return { ...dnsPacket.decode(message), questionEnd: questionEnd(message) };
  } catch {
    // A plain Error for every damage.
    return undefined;
  }
};

const optOf = (packet: Packet) => packet.additionals?.find((record) => record.type === 'OPT');

export const readQuery = (message: Buffer): Query | Refusal => {
  // Answering an answer would let two servers talk for ever.
  if (message.length < headerBytes || (message.readUInt16BE(2) & flagBits.response) !== 0) return { refusal: undefined };
  const flags = message.readUInt16BE(2);
  if ((flags & flagBits.opcode) !== 0) return refusalOf(message, rcodes.notImp);
  const packet = decoded(message);
  const question = packet?.questions?.[0];
  if (packet === undefined || question === undefined) return refusalOf(message, rcodes.formErr);
  const opt = optOf(packet);
  const query: Query = {
    id: message.readUInt16BE(0),
    flags,
    question: message.subarray(headerBytes, packet.questionEnd),
    name: question.name === '.' ? '' : question.name,
    type: question.type,
    edns: opt && { bytesMax: opt.udpPayloadSize, dnssecOk: opt.flag_do },
  };
  if (opt !== undefined && opt.ednsVersion !== 0) return { refusal: sealed(emptyReply(query.question, rcodes.noError), query, 'udp', rcodes.badVersion) };
  const transfer = ['AXFR', 'IXFR'].includes(question.type);
  return question.class !== 'IN' || transfer ? { refusal: sealed(emptyReply(query.question, rcodes.refused), query, 'udp') } : query;
};

export interface Reply {
  readonly rcode: number;
  readonly authoritative?: boolean;
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
  readonly additionals?: readonly Answer[];
}

/** A reply to nobody in particular yet: no id, no OPT, of any size. */
export const encodeReply = (question: Buffer, { rcode, authoritative = false, answers = [], authorities = [], additionals = [] }: Reply): Buffer => {
  const records = dnsPacket.encode({
    type: 'response',
    flags: rcode | (authoritative ? flagBits.authoritative : 0),
    answers: [...answers],
    authorities: [...authorities],
    additionals: [...additionals],
  });
  records.writeUInt16BE(1, 4);
  return compressed(Buffer.concat([records.subarray(0, headerBytes), question, records.subarray(headerBytes)]));
};

export const emptyReply = (question: Buffer, rcode: number): Buffer => encodeReply(question, { rcode });

const optRecord = (dnssecOk: boolean, extendedRcode: number): Buffer => {
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(41, 1);
  opt.writeUInt16BE(dnsLimits.udpBytesMax, 3);
  opt.writeUInt8(extendedRcode >> 4, 5);
  opt.writeUInt16BE(dnssecOk ? dnssecOkBit : 0, 7);
  return opt;
};

/** The reply as this client gets it: its id and letters, cut to what it takes. */
export const sealed = (reply: Buffer, { id, flags, question, edns }: Query, transport: Transport, extendedRcode = 0): Buffer => {
  const opt = edns ? optRecord(edns.dnssecOk, extendedRcode) : Buffer.alloc(0);
  const udpMax = edns ? Math.min(Math.max(edns.bytesMax, dnsLimits.plainUdpBytesMax), dnsLimits.udpBytesMax) : dnsLimits.plainUdpBytesMax;
  const bytesMax = (transport === 'udp' ? udpMax : dnsLimits.tcpBytesMax) - opt.length;
  const cut = reply.length > bytesMax ? fitting(reply, bytesMax) : undefined;
  const sent = Buffer.concat([reply.subarray(0, cut?.end), opt]);
  sent.writeUInt16BE(id, 0);
  const kept = reply.readUInt16BE(2) & (flagBits.authoritative | flagBits.authentic | flagBits.rcode);
  const asked = flags & (flagBits.recursionDesired | flagBits.checkingDisabled);
  sent.writeUInt16BE(flagBits.response | flagBits.recursionAvailable | kept | asked | (cut?.truncated ? flagBits.truncated : 0), 2);
  if (cut) setCounts(sent, cut.counts);
  question.copy(sent, headerBytes);
  if (edns) sent.writeUInt16BE(sent.readUInt16BE(10) + 1, 10);
  return sent;
};

// Towards other servers.

/** What else of a query changes the answer. */
export interface AskOptions {
  readonly dnssecOk: boolean;
  readonly checkingDisabled: boolean;
}

export const askOptions = ({ flags, edns }: Query): AskOptions => ({
  dnssecOk: edns?.dnssecOk ?? false,
  checkingDisabled: (flags & flagBits.checkingDisabled) !== 0,
});

/** The bytes of a question. */
export const questionOf = (name: string, type: RecordType | 'ANY'): Buffer =>
  dnsPacket.encode({ questions: [{ name, type: type as RecordType, class: 'IN' }] }).subarray(headerBytes);

export const encodeQuery = (id: number, question: Buffer, { dnssecOk, checkingDisabled }: AskOptions, edns: boolean): Buffer => {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(flagBits.recursionDesired | (checkingDisabled ? flagBits.checkingDisabled : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(edns ? 1 : 0, 10);
  return Buffer.concat([header, question, edns ? optRecord(dnssecOk, 0) : Buffer.alloc(0)]);
};

const letters = (question: Buffer): string => question.toString('latin1').toLowerCase();

/** Whether a message answers that question: anything else may come from anybody. */
export const isAnswerTo = (message: Buffer, id: number, question: Buffer): boolean => {
  if (message.length < headerBytes + question.length || message.readUInt16BE(0) !== id || message.readUInt16BE(4) !== 1) return false;
  const flags = message.readUInt16BE(2);
  if ((flags & flagBits.response) === 0 || (flags & flagBits.opcode) !== 0) return false;
  return letters(message.subarray(headerBytes, headerBytes + question.length)) === letters(question);
};

/** What makes two questions the same. */
export const questionKey = (question: Buffer, { dnssecOk, checkingDisabled }: AskOptions): string =>
  `${letters(question)}${dnssecOk ? 'D' : ''}${checkingDisabled ? 'C' : ''}`;

export const rcodeOf = (message: Buffer): number => message.readUInt16BE(2) & flagBits.rcode;

export const isTruncated = (message: Buffer): boolean => (message.readUInt16BE(2) & flagBits.truncated) !== 0;

/** The records of a reply's answer; none of one that cannot be read. */
export const answersOf = (reply: Buffer): readonly Answer[] => decoded(reply)?.answers ?? [];
