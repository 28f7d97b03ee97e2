import test from 'ava';
import { channels, decodeMessage, encodeClose, encodeData, encodeResize, protocolOf } from '../../../proto/exec-channels.ts';

test('what is encoded is decoded to the same', (t) => {
  const bytes = Buffer.from([0, 255, 10, 13, 4]);
  t.deepEqual(decodeMessage(encodeData(channels.stdin, bytes)), { type: 'data', channel: 0, bytes });
  t.deepEqual(decodeMessage(encodeData(channels.stdout, '')), { type: 'data', channel: 1, bytes: Buffer.alloc(0) });
  t.deepEqual(decodeMessage(encodeResize(120, 40)), { type: 'resize', width: 120, height: 40 });
  t.deepEqual(decodeMessage(encodeClose(channels.stdin)), { type: 'close', channel: 0 });
});

test('a size as kubectl writes it is read, with its line\'s end', (t) => {
  t.deepEqual(decodeMessage(Buffer.from('\u0004{"Width":100,"Height":40}\n')), { type: 'resize', width: 100, height: 40 });
});

test('what makes no sense is nothing', (t) => {
  for (const message of ['', '\u0004', '\u0004{"Width":-1,"Height":1}', '\u0004{"Width":1e9,"Height":1}', '\u0004null', '\u0004{']) t.is(decodeMessage(Buffer.from(message)), undefined, message);
  t.is(decodeMessage(Buffer.of(channels.close)), undefined);
});

test('the newest protocol that the client offers is taken, whatever the order', (t) => {
  t.is(protocolOf('v4.channel.k8s.io, v5.channel.k8s.io'), 'v5.channel.k8s.io');
  t.is(protocolOf('v4.channel.k8s.io,channel.k8s.io'), 'v4.channel.k8s.io');
  t.is(protocolOf('channel.k8s.io'), undefined);
  t.is(protocolOf(undefined), undefined);
});
