import { createInflate } from 'node:zlib';
import test from 'ava';
import { SpdyConnection } from '../../../proto/spdy.ts';

interface Frame {
  readonly type: number | 'data';
  readonly stream: number;
  readonly flags: number;
  readonly payload: Buffer;
}

const framesOf = (bytes: Buffer): Frame[] => {
  const found: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4) & 0xffffff;
    const payload = bytes.subarray(at + 8, at + 8 + length);
    const first = bytes.readUInt32BE(at);
    const isData = first < 0x80000000;
    found.push({ type: isData ? 'data' : first & 0xffff, stream: isData ? first : payload.readUInt32BE(0), flags: bytes[at + 4] ?? 0, payload });
    at += 8 + length;
  }
  return found;
};

const connection = () => {
  const sent: Buffer[] = [];
  const spdy = new SpdyConnection((bytes, written) => {
    sent.push(bytes);
    written?.();
  });
  return { spdy, frames: () => framesOf(Buffer.concat(sent.splice(0))) };
};

const data = (stream: number, text: string, flags = 0): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(stream);
  head.writeUInt32BE((flags << 24) | text.length, 4);
  return Buffer.concat([head, Buffer.from(text)]);
};

test('headers of all streams make one zlib stream, of which each is whole when it has come', async (t) => {
  const { spdy, frames } = connection();
  const nothing = { onData: () => undefined, onEnd: () => undefined };
  spdy.open({ streamType: 'error', port: '80' }, nothing);
  spdy.open({ streamType: 'data' }, nothing);
  const opened = frames();
  t.deepEqual(opened.map(({ type, stream }) => [type, stream]), [[1, 1], [1, 3]]);
  const inflate = createInflate();
  let plain = Buffer.alloc(0);
  inflate.on('data', (bytes: Buffer) => void (plain = Buffer.concat([plain, bytes])));
  const texts: string[] = [];
  for (const { payload } of opened) {
    await new Promise<void>((resolve, reject) => inflate.write(payload.subarray(10), (error) => (error ? reject(error) : resolve())));
    texts.push(plain.toString('latin1').replaceAll(/[^a-z0-9]+/gi, ' ').trim());
    plain = Buffer.alloc(0);
  }
  t.deepEqual(texts, ['streamtype error port 80', 'streamtype data']);
});

test('bytes go both ways by stream, in pieces of any size, to the end of each', (t) => {
  const { spdy, frames } = connection();
  const got: string[] = [];
  const handlers = (name: string) => ({ onData: (bytes: Buffer) => void got.push(`${name}:${bytes.toString()}`), onEnd: () => void got.push(`${name} ended`) });
  const first = spdy.open({ streamType: 'a' }, handlers('a'));
  spdy.open({ streamType: 'b' }, handlers('b'));
  frames();
  let written = 0;
  first.write(Buffer.alloc(150_000, 7), () => (written += 1));
  first.end();
  const sent = frames();
  t.is(written, 1);
  t.is(sent.reduce((sum, { payload }) => sum + payload.length, 0), 150_000);
  t.true(sent.every(({ type, stream }) => type === 'data' && stream === 1));
  t.deepEqual(sent.map(({ flags }) => flags), [0, 0, 0, 1]);
  const all = Buffer.concat([data(3, 'hello'), data(1, 'there'), data(3, '!', 1), data(9, 'nobody')]);
  for (const byte of all) spdy.receive(Buffer.of(byte));
  t.deepEqual(got, ['b:hello', 'a:there', 'b:!', 'b ended']);
  spdy.close();
  t.deepEqual(got.slice(4), ['a ended']);
  spdy.close();
  t.is(got.length, 5);
});

test('pings are answered; a stream that is reset has ended, and with the other end gone all have', (t) => {
  const { spdy, frames } = connection();
  let ends = 0;
  const handlers = { onData: () => undefined, onEnd: () => void (ends += 1) };
  for (let count = 0; count < 3; count += 1) spdy.open({}, handlers);
  frames();
  const control = (type: number, ...words: number[]): Buffer => {
    const bytes = Buffer.alloc(8 + words.length * 4);
    bytes.writeUInt32BE((0x80030000 | type) >>> 0);
    bytes.writeUInt32BE(words.length * 4, 4);
    for (const [at, word] of words.entries()) bytes.writeUInt32BE(word, 8 + at * 4);
    return bytes;
  };
  spdy.receive(control(6, 42));
  const [pong] = frames();
  t.like(pong, { type: 6, stream: 42 });
  spdy.receive(control(3, 1, 5));
  t.is(ends, 1);
  spdy.receive(control(7, 0, 0));
  t.is(ends, 3);
});
