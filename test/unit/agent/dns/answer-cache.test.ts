import test from 'ava';
import * as dnsPacket from 'dns-packet';
import { AnswerCache } from '../../../../agent/dns/answer-cache.ts';
import { encodeReply, questionOf, readQuery, sealed, type Query } from '../../../../agent/dns/message.ts';
import { freshSeconds, withoutOpt } from '../../../../agent/dns/wire.ts';
import { seededRandom } from '../../../../proto/process/random.ts';

const reply = (count = 1): Buffer =>
  encodeReply(questionOf('www.example.com', 'A'), { rcode: 0, answers: Array.from({ length: count }, (_, index) => ({ type: 'A', name: 'www.example.com', data: `192.0.2.${index % 250}`, ttl: 60 })) });

test('the cache holds so many entries and bytes; what was asked last stays', (t) => {
  const few = new AnswerCache(3, 1_000_000);
  for (const key of ['a', 'b', 'c']) few.put(key, reply(), 60, 0);
  few.get('a', 1);
  few.put('d', reply(), 60, 1);
  t.deepEqual(['a', 'b', 'c', 'd'].map((key) => few.get(key, 2) !== undefined), [true, false, true, true]);

  const small = new AnswerCache(1_000, 10_000);
  for (let index = 0; index < 100; index += 1) small.put(String(index), reply(20), 60, 0);
  t.true(small.bytes <= 10_000 && small.entries > 5);
  t.truthy(small.get('99', 0));
  small.put('huge', reply(2_000), 60, 0);
  t.is(small.get('huge', 0), undefined);
  t.truthy(small.get('99', 0), 'one that is larger than everything takes nothing away');
});

test('what is too old is gone, and what is not to be kept replaces what was', (t) => {
  const cache = new AnswerCache();
  cache.put('a', reply(), 10, 0);
  t.truthy(cache.get('a', 9_999));
  t.is(cache.get('a', 10_000), undefined);
  t.is(cache.bytes, 0);
  cache.put('b', reply(), 10, 0);
  cache.put('b', reply(), 0, 0);
  t.is(cache.get('b', 1), undefined);
});

test('damaged messages are refused by an error of theirs alone, whatever the damage', (t) => {
  const random = seededRandom(7);
  const query = dnsPacket.encode({ type: 'query', id: 1, questions: [{ name: 'www.example.com', type: 'A', class: 'IN' }], additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 4096, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }] });
  const damaged = (message: Buffer): Buffer => {
    const copy = Buffer.from(message.subarray(0, random.next() < 0.5 ? message.length : Math.ceil(random.next() * message.length)));
    for (let left = random.next() * 3; left > 0; left -= 1) copy[Math.floor(random.next() * copy.length)] = Math.floor(random.next() * 256);
    return copy;
  };
  let [read, refused] = [0, 0];
  for (let round = 0; round < 5_000; round += 1) {
    const asked: Query | { readonly refusal: Buffer | undefined } = readQuery(damaged(query));
    if ('refusal' in asked) continue;
    read += 1;
    sealed(encodeReply(asked.question, { rcode: 3 }), asked, 'udp');
    const answer = damaged(reply(5));
    try {
      freshSeconds(withoutOpt(answer));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      refused += 1;
    }
  }
  t.true(read > 100 && refused > 100, `${read} read, ${refused} refused`);
});
