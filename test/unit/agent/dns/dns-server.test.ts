/** The whole server over real sockets on loopback, with servers to ask that are real too. */
import { Resolver as NodeResolver } from 'node:dns/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import * as dnsPacket from 'dns-packet';
import type { Answer, OptAnswer, Packet, Question } from 'dns-packet';
import { AnswerCache } from '../../../../agent/dns/answer-cache.ts';
import { ClusterZone } from '../../../../agent/dns/cluster-zone.ts';
import { DnsServer } from '../../../../agent/dns/dns-server.ts';
import type { DnsServerAddress } from '../../../../agent/dns/exchange.ts';
import { Resolver } from '../../../../agent/dns/resolver.ts';
import { ServiceNames } from '../../../../agent/dns/service-names.ts';
import { Upstream } from '../../../../agent/dns/upstream.ts';
import { dnsLimits } from '../../../../agent/limits.ts';
import type { NetworkStateStore } from '../../../../agent/network/network-state.ts';
import { silentLog } from '../../../../proto/process/log.ts';
import { systemRandom } from '../../../../proto/process/random.ts';
import { askTcp, askUdp, exchangeUdp, peerServer, type Ask, type Say } from '../../../fixtures/dns-peers.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';
import { change, namedServices, serviceObject, sliceObject, zoneSettings } from '../../../fixtures/named-services.ts';

// Addresses of loopback that nobody else uses: the port of UDP is free for TCP too.
const own = '127.53.0.1';
const peerAddresses = ['127.53.0.2', '127.53.0.3', '127.53.0.4'];

interface Lab {
  readonly server: { readonly address: string; readonly port: number };
  readonly store: NetworkStateStore;
  readonly clock: ManualClock;
  readonly cache: AnswerCache;
  /** Questions that the servers behind were asked. */
  readonly asked: Ask[];
  readonly stop: () => void;
}

/** A server, and behind it one that says each of `says`. */
const lab = async (t: ExecutionContext, ...says: readonly Say[]): Promise<Lab> => {
  const [clock, cache, store] = [new ManualClock(), new AnswerCache(), namedServices()];
  const asked: Ask[] = [];
  const noting = (say: Say): Say => (ask) => {
    asked.push(ask);
    return say(ask);
  };
  const peers = await Promise.all(says.map((say, index) => peerServer(peerAddresses[index] ?? '', noting(say))));
  const servers: DnsServerAddress[] = peers.map(({ server }) => server);
  const resolver = new Resolver({
    zone: new ClusterZone(new ServiceNames(store), zoneSettings, systemRandom),
    upstream: new Upstream({ servers: () => Promise.resolve(servers), clock }),
    cache,
    clock,
    log: silentLog,
    asksMax,
  });
  const server = await DnsServer.listen({ resolver, clock, log: silentLog }, own, 0);
  t.teardown(() => {
    resolver.close();
    server.close();
    for (const peer of peers) peer.close();
  });
  return { server: { address: own, port: server.port }, store, clock, cache, asked, stop: () => resolver.close() };
};

const question = (name: string, type: Question['type'] = 'A'): Packet => ({ questions: [{ name, type, class: 'IN' }] });
const opt = (udpPayloadSize: number, ednsVersion = 0): OptAnswer =>
  ({ type: 'OPT', name: '.', udpPayloadSize, extendedRcode: 0, ednsVersion, flags: 0, flag_do: false, options: [] });
const record = (name: string, data: string, ttl = 60): Answer => ({ type: 'A', name, data, ttl });
const soa = (minimum: number): Answer => ({ type: 'SOA', name: 'example.com', ttl: 900, data: { mname: 'ns.example.com', rname: 'root.example.com', minimum } });
const asksMax = 4;
const nxDomain = 3;
const servFail = 2;

/** What a test waits for comes from the other end of a socket. */
const until = async (done: () => boolean): Promise<void> => {
  while (!done()) await new Promise((resolve) => setImmediate(resolve));
};

test.serial('a resolver library gets every kind of record', async (t) => {
  const { server } = await lab(t);
  const resolver = new NodeResolver();
  resolver.setServers([`${server.address}:${server.port}`]);
  t.deepEqual(await resolver.resolve4('web.team.svc.cluster.local'), ['10.96.1.1']);
  t.deepEqual((await resolver.resolve4('db.team.svc.cluster.local')).sort(), ['10.244.0.5', '10.244.1.6']);
  t.like(await resolver.resolveSrv('_http._tcp.web.team.svc.cluster.local'), [{ name: 'web.team.svc.cluster.local', port: 80, priority: 0, weight: 100 }]);
  t.deepEqual(await resolver.resolvePtr('5.0.244.10.in-addr.arpa'), ['db-0.db.team.svc.cluster.local']);
  t.deepEqual(await resolver.resolveCname('outside.team.svc.cluster.local'), ['www.example.com']);
  t.deepEqual(await resolver.resolve4('inside.team.svc.cluster.local'), ['10.96.1.1']);
  t.like(await t.throwsAsync(resolver.resolve6('web.team.svc.cluster.local')), { code: 'ENODATA' });
  t.like(await t.throwsAsync(resolver.resolve4('none.team.svc.cluster.local')), { code: 'ENOTFOUND' });
  t.like(await t.throwsAsync(resolver.resolve4('circle.team.svc.cluster.local')), { code: 'ESERVFAIL' });
});

test.serial('a question comes back as it was, with what is known of the answer', async (t) => {
  const { server } = await lab(t);
  const found = await askUdp(server, question('WeB.team.svc.CLUSTER.local'));
  t.like(found, { id: 4711, rcode: 'NOERROR', flag_aa: true, flag_ra: true, flag_rd: true, flag_tc: false });
  t.is(found.questions?.[0]?.name, 'WeB.team.svc.CLUSTER.local');
  t.like(found.answers, [{ name: 'WeB.team.svc.CLUSTER.local', data: '10.96.1.1', ttl: 5 }]);
  t.deepEqual(found.additionals, []);
  const none = await askUdp(server, { ...question('none.team.svc.cluster.local'), additionals: [opt(4096)] });
  t.like(none, { rcode: 'NXDOMAIN', answers: [] });
  t.like(none.authorities?.[0], { type: 'SOA', name: 'cluster.local', ttl: 5, data: { minimum: 5 } });
  t.like(none.additionals?.[0], { type: 'OPT', udpPayloadSize: 1232 });
  t.like(await askUdp(server, question('web.team.svc.cluster.local', 'AXFR')), { rcode: 'REFUSED' });
  t.like(await askUdp(server, { questions: [{ name: 'version.bind', type: 'TXT', class: 'CH' }] }), { rcode: 'REFUSED' });
  t.like((await askUdp(server, { ...question('web.team.svc.cluster.local'), additionals: [opt(4096, 1)] })).additionals?.[0], { extendedRcode: 1 });
  t.like(await askUdp(server, { ...question('web.team.svc.cluster.local'), flags: 4 << 11 }), { rcode: 'NOTIMP' });
});

test.serial('what does not fit is cut and marked; TCP has all of it, several questions on one connection', async (t) => {
  const { server, store } = await lab(t);
  const addresses = Array.from({ length: 300 }, (_, index) => `10.244.${index >> 8}.${index & 0xff}`);
  change(store, { services: [serviceObject('team/big', { clusterIP: 'None' })], slices: [sliceObject('team/big', addresses.map((address) => ({ addresses: [address] })))] });
  const asked = question('big.team.svc.cluster.local');
  const plain = await askUdp(server, asked);
  t.true(plain.flag_tc);
  t.true(plain.bytes <= 512);
  t.is(plain.answers?.length, Math.floor((512 - 12 - 32) / 16), 'names are written once');
  const wide = await askUdp(server, { ...asked, additionals: [opt(60_000)] });
  t.true(wide.flag_tc);
  t.true(wide.bytes <= 1232 && wide.bytes > 1200);
  t.is(wide.additionals?.[0]?.type, 'OPT');
  const [all, other] = await askTcp(server, [asked, question('web.team.svc.cluster.local')]);
  t.false(all?.flag_tc);
  t.deepEqual(all?.answers?.map((answer) => ('data' in answer ? String(answer.data) : '')).sort(), addresses.toSorted());
  t.like(other, { id: 1, answers: [{ data: '10.96.1.1' }] });
});

test.serial('a connection that says nothing is closed after a while', async (t) => {
  const { server, clock } = await lab(t);
  const socket = connect(server.port, server.address);
  socket.write(Buffer.of(0));
  await once(socket, 'connect');
  // A byte that nobody reads makes it a reset.
  socket.on('error', () => undefined).resume();
  // Its time begins when the server has accepted it, which nobody tells.
  while (!socket.closed) await clock.advance(dnsLimits.tcpIdleMs);
  t.true(socket.closed);
});

test.serial('names from elsewhere are asked for once, and kept for as long as they say', async (t) => {
  let answers = 0;
  const { server, clock, asked } = await lab(t, ({ question: { name } }) => ({ answers: [record(name, `192.0.2.${(answers += 1)}`)], additionals: [opt(1400)] }));
  const many = await Promise.all(Array.from({ length: 20 }, () => askUdp(server, question('www.example.com'))));
  t.is(new Set(many.map((one) => JSON.stringify(one.answers))).size, 1);
  t.is(asked.length, 1, 'who asks the same meanwhile waits for the same answer');
  t.like(many[0], { flag_aa: false, flag_ra: true, additionals: [] });
  await clock.advance(59_000);
  const later = await askUdp(server, question('WWW.example.COM'));
  t.like(later.answers, [{ data: '192.0.2.1', ttl: 1 }]);
  t.is(later.questions?.[0]?.name, 'WWW.example.COM');
  await clock.advance(1_000);
  t.like((await askUdp(server, question('www.example.com'))).answers, [{ data: '192.0.2.2', ttl: 60 }]);
  t.is(asked.length, 2);
  t.like(asked[0]?.additionals, [{ type: 'OPT', udpPayloadSize: 1232 }]);
});

test.serial('that there is no such name is kept for as long as its zone says', async (t) => {
  const { server, clock, asked } = await lab(t, ({ question: { name } }) => ({ flags: name.startsWith('none') ? nxDomain : 0, authorities: name.startsWith('bare') ? [] : [soa(30)] }));
  const ask = async (name: string) => (await askUdp(server, question(name))).rcode;
  t.deepEqual([await ask('none.example.com'), await ask('none.example.com'), asked.length], ['NXDOMAIN', 'NXDOMAIN', 1]);
  t.deepEqual([await ask('empty.example.com'), await ask('empty.example.com'), asked.length], ['NOERROR', 'NOERROR', 2]);
  await clock.advance(30_000);
  t.deepEqual([await ask('none.example.com'), asked.length], ['NXDOMAIN', 3]);
  await ask('bare.example.com');
  await ask('bare.example.com');
  t.is(asked.length, 5, 'without a word of its zone it is not kept');
});

test.serial('an answer that is cut is asked for again by TCP', async (t) => {
  const records = (name: string) => Array.from({ length: 200 }, (_, index) => record(name, `192.0.2.${index}`));
  const { server, asked } = await lab(t, ({ transport, question: { name } }) => (transport === 'udp' ? { flags: dnsPacket.TRUNCATED_RESPONSE } : { answers: records(name) }));
  const [whole] = await askTcp(server, [question('big.example.com')]);
  t.is(whole?.answers?.length, 200);
  t.deepEqual(asked.map(({ transport }) => transport), ['udp', 'tcp']);
  t.true((await askUdp(server, question('big.example.com'))).flag_tc);
  t.is(asked.length, 2);
});

test.serial('a service with a name elsewhere is followed there', async (t) => {
  const { server } = await lab(t, ({ question: { name } }) => ({ answers: [{ type: 'CNAME', name, data: 'cdn.example.com', ttl: 60 }, record('cdn.example.com', '192.0.2.1')] }));
  const { answers } = await askUdp(server, question('Outside.team.svc.cluster.local'));
  t.like(answers, [
    { type: 'CNAME', name: 'Outside.team.svc.cluster.local', data: 'www.example.com' },
    { type: 'CNAME', name: 'www.example.com', data: 'cdn.example.com' },
    { type: 'A', name: 'cdn.example.com', data: '192.0.2.1' },
  ]);
});

test.serial('records of a type that nobody here knows come through unharmed', async (t) => {
  const data = Buffer.from('0001000001000302683202683368', 'hex');
  const { server } = await lab(t, ({ question: { name } }) => ({ answers: [{ type: 'UNKNOWN_65' as 'NULL', name, data, ttl: 60 }] }));
  const { answers } = await askUdp(server, question('www.example.com', 'UNKNOWN_65' as 'NULL'));
  t.deepEqual(answers?.map((answer) => 'data' in answer && answer.data), [data]);
});

test.serial('a server that is silent is passed over, and the one that answered goes first', async (t) => {
  const { server, clock, asked } = await lab(t, () => undefined, ({ question: { name } }) => ({ answers: [record(name, '192.0.2.2')] }));
  const answer = askUdp(server, question('a.example.com'));
  await until(() => asked.length === 1);
  await clock.advance(dnsLimits.askTryMs);
  t.like((await answer).answers, [{ data: '192.0.2.2' }]);
  t.like((await askUdp(server, question('b.example.com'))).answers, [{ data: '192.0.2.2' }]);
  t.is(asked.length, 3, 'the silent one is not asked first again');
});

test.serial('a server without EDNS0 is asked without it', async (t) => {
  const { server, asked } = await lab(t, ({ question: { name }, additionals = [] }) => (additionals.length > 0 ? { flags: 1 } : { answers: [record(name, '192.0.2.1')] }));
  t.like((await askUdp(server, question('www.example.com'))).answers, [{ data: '192.0.2.1' }]);
  t.is(asked.length, 2);
});

test.serial('when everybody fails so does the answer, soon, and the next second does not ask again', async (t) => {
  const { server, clock, asked } = await lab(t, () => ({ flags: servFail }), () => ({ flags: 5 }));
  t.is((await askUdp(server, question('www.example.com'))).rcode, 'SERVFAIL');
  t.is(asked.length, 2);
  t.is((await askUdp(server, question('www.example.com'))).rcode, 'SERVFAIL');
  t.is(asked.length, 2);
  await clock.advance(1_000);
  await askUdp(server, question('www.example.com'));
  t.is(asked.length, 4);
});

test.serial('when nobody answers it fails before its client gives up; a server that is not there is no delay', async (t) => {
  const silent = await lab(t, () => undefined);
  const answer = askUdp(silent.server, question('www.example.com'));
  for (const times of [1, 2]) {
    await until(() => silent.asked.length === times);
    await silent.clock.advance(dnsLimits.askTryMs);
  }
  t.is((await answer).rcode, 'SERVFAIL');
  const alone = await lab(t);
  t.is((await askUdp(alone.server, question('www.example.com'))).rcode, 'SERVFAIL');
});

test.serial('what does not answer the question is waited past', async (t) => {
  const reply = (packet: Packet, data: string): Buffer => dnsPacket.encode({ type: 'response', answers: [record('www.example.com', data)], ...packet });
  const { server, asked } = await lab(t, ({ id = 0, question: asking }) => [
    reply({ id: id ^ 1, questions: [asking] }, '203.0.113.66'),
    reply({ id, questions: [{ ...asking, name: 'other.example.com' }] }, '203.0.113.66'),
    reply({ id, questions: [{ ...asking, type: 'AAAA' }] }, '203.0.113.66'),
    reply({ id, questions: [] }, '203.0.113.66'),
    reply({ id, type: 'query', questions: [asking] }, '203.0.113.66'),
    Buffer.of(1),
    reply({ id, questions: [asking] }, '192.0.2.1'),
  ]);
  t.like((await askUdp(server, question('www.example.com'))).answers, [{ data: '192.0.2.1' }]);
  t.is(asked.length, 1);
});

test.serial('questions beyond the bound fail at once, and the cluster’s own names do not notice', async (t) => {
  const { server, asked, stop } = await lab(t, () => undefined);
  const waiting = ['one', 'two', 'three', 'four'].map((name) => askUdp(server, question(`${name}.example.com`)));
  await until(() => asked.length === asksMax);
  t.is((await askUdp(server, question('more.example.com'))).rcode, 'SERVFAIL');
  t.like((await askUdp(server, question('web.team.svc.cluster.local'))).answers, [{ data: '10.96.1.1' }]);
  t.is(asked.length, asksMax);
  stop();
  t.deepEqual((await Promise.all(waiting)).map(({ rcode }) => rcode), Array.from({ length: asksMax }, () => 'SERVFAIL'));
});

test.serial('nothing that comes in by the wire ends the server', async (t) => {
  const { server } = await lab(t);
  const good = dnsPacket.encode({ type: 'query', id: 1, ...question('web.team.svc.cluster.local'), additionals: [opt(4096)] });
  // A name that points to itself, a label beyond the end, no question, two, nothing at all.
  const pointer = Buffer.concat([good.subarray(0, 12), Buffer.of(0xc0, 0x0c, 0, 1, 0, 1)]);
  for (const bad of [pointer, good.subarray(0, 20), Buffer.concat([good.subarray(0, 4), Buffer.alloc(8)]), Buffer.concat([good.subarray(0, 12), Buffer.of(0xc0, 0, 0, 1, 0, 1)])]) {
    t.is(dnsPacket.decode(await exchangeUdp(server, bad)).flag_qr, true);
  }
  t.is((await askUdp(server, { questions: [question('a.b').questions?.[0], question('c.d').questions?.[0]] as Question[] })).rcode, 'FORMERR');
  const [answer] = await askTcp(server, [question('web.team.svc.cluster.local')]);
  t.is(answer?.answers?.length, 1);
});
