import test from 'ava';
import { createEtcdKv } from '../../../controller/store/etcd.ts';
import type { EtcdTls } from '../../../controller/store/etcd-client.ts';
import { KvUnavailable } from '../../../controller/store/kv.ts';
import { configMapKind } from '../../../proto/kinds.ts';
import { systemClock as clock } from '../../../proto/process/clock.ts';
import { silentLog as log } from '../../../proto/process/log.ts';
import { seededRandom } from '../../../proto/process/random.ts';
import { createAuthority, issueCertificate, type KeyedCertificate } from '../../../proto/process/tls.ts';
import { configMap } from '../../fixtures/config-map.ts';
import { startEtcd } from '../../fixtures/etcd.ts';
import { openTestStore } from '../../fixtures/store.ts';

const clientOf = (authority: KeyedCertificate, days = 1): Promise<KeyedCertificate> =>
  issueCertificate(authority, { commonName: 'berth-controller', usages: ['client'], days });

test('etcd is spoken to over TLS, each side showing a certificate of its own authority; nobody else gets in, and no other etcd is believed', async (t) => {
  const authority = await createAuthority({ commonName: 'etcd-ca', days: 1 });
  // Of the same name, so that only the signature tells them apart.
  const foreign = await createAuthority({ commonName: 'etcd-ca', days: 1 });
  const serving = await issueCertificate(authority, { commonName: 'etcd', dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'], usages: ['server', 'client'], days: 1 });
  const etcd = await startEtcd({ fast: true, tls: { ca: authority.certPem, cert: serving.certPem, key: serving.keyPem } });
  t.teardown(() => etcd.stop());
  const kvWith = (tls: EtcdTls | undefined, endpoint = etcd.endpoint) => {
    const kv = createEtcdKv({ endpoints: [endpoint], ...(tls ? { tls } : {}), log, clock, random: seededRandom(1) });
    t.teardown(() => kv.close());
    return kv;
  };
  const tlsOf = ({ certPem: ca }: KeyedCertificate, { certPem, keyPem }: KeyedCertificate): EtcdTls => ({ ca: Buffer.from(ca), certificate: Buffer.from(certPem), key: Buffer.from(keyPem) });
  const own = await clientOf(authority);

  const { reader, writer } = await openTestStore(t, kvWith(tlsOf(authority, own)));
  const { revision } = await writer.create(configMapKind, configMap('a'));
  const watcher = reader.watch(configMapKind, revision);
  await writer.update(configMapKind, configMap('a', { key: 'two' }), revision);
  for await (const [change] of watcher.changes()) {
    t.is(change?.type, 'MODIFIED', 'the watch stream is over TLS too');
    break;
  }

  const strangers: Readonly<Record<string, EtcdTls | undefined>> = {
    'a client of another authority': tlsOf(authority, await clientOf(foreign)),
    'a client whose certificate has expired': tlsOf(authority, await clientOf(authority, -1)),
    'an etcd of another authority': tlsOf(foreign, own),
  };
  for (const [who, tls] of Object.entries(strangers)) {
    await t.throwsAsync(kvWith(tls).get('/berth/x'), { instanceOf: KvUnavailable }, who);
  }
  await t.throwsAsync(kvWith(undefined, etcd.endpoint.replace('https', 'http')).get('/berth/x'), { instanceOf: KvUnavailable }, 'in the clear');
  await reader.current();
});
