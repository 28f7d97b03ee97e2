import protobuf from 'protobufjs/minimal.js';
import test from 'ava';
import { BodyDecoder } from '../../../../controller/api/body.ts';
import { messageNotations, parseMessage } from '../../../../controller/api/protobuf/message-table.ts';
import { isApiError } from '../../../../proto/errors.ts';
import { kinds } from '../../../../proto/kinds.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import { loadSchema } from '../../../../proto/schema/schema.ts';
import { shortName, typeNameOf } from '../../../../proto/schema/type-names.ts';

const schema = loadSchema();
const decoder = new BodyDecoder(schema);
const decode = async (bytes: Uint8Array): Promise<unknown> =>
  (await decoder.decode(Buffer.from(bytes), 'application/vnd.kubernetes.protobuf')).value;

type Fill = (writer: protobuf.Writer) => void;
const message = (fill: Fill): Uint8Array => {
  const writer = protobuf.Writer.create();
  fill(writer);
  return writer.finish();
};
const bytesField = (writer: protobuf.Writer, number: number, value: Uint8Array): protobuf.Writer => writer.uint32((number << 3) | 2).bytes(value);
const text = (writer: protobuf.Writer, number: number, value: string): protobuf.Writer => writer.uint32((number << 3) | 2).string(value);
const int = (writer: protobuf.Writer, number: number, value: number): protobuf.Writer => writer.uint32(number << 3).int64(value);
const nested = (writer: protobuf.Writer, number: number, fill: Fill): protobuf.Writer => bytesField(writer, number, message(fill));

const body = (apiVersion: string, kind: string, fill: Fill): Buffer =>
  Buffer.concat([
    Buffer.from('k8s\0'),
    message((writer) => {
      nested(writer, 1, (meta) => {
        text(meta, 1, apiVersion);
        text(meta, 2, kind);
      });
      bytesField(writer, 2, message(fill));
      text(writer, 3, '');
      text(writer, 4, '');
    }),
  ]);

/** What `kubectl create deployment web --image=nginx --replicas=3 --port=80` sends, version 1.32. */
const recordedDeployment =
  'azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50ErgBCh8KA3dlYhIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEoYBCAMSDAoKCgNhcHASA3dlYhpsChwKABIAGgAi' +
  'ACoAMgA4AEIAWgoKA2FwcBIDd2ViEkwSLgoFbmdpbngSBW5naW54KgAyCgoAEAAYUCIAKgBCAGoAcgCAAQCIAQCQAQCiAQAaADIAQgBKAFIAWABgAGgAggEAigEAmgEAwgEA' +
  'IgIKACgAOAAaDAgAEAAYACAAKAA4ABoAIgA=';

test('the Deployment that kubectl creates is the JSON that kubectl would have sent', async (t) => {
  t.deepEqual(await decode(Buffer.from(recordedDeployment, 'base64')), {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', labels: { app: 'web' } },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'nginx', image: 'nginx', ports: [{ containerPort: 80 }] }] },
      },
    },
  });
});

test('zero values of pointers are kept, those of other fields are absent', async (t) => {
  const bytes = body('v1', 'Pod', (pod) =>
    nested(pod, 2, (spec) => {
      nested(spec, 2, (container) => text(container, 1, 'a'));
      int(spec, 4, 0);
      int(spec, 11, 0);
      int(spec, 21, 1);
    }),
  );
  t.deepEqual(await decode(bytes), {
    apiVersion: 'v1',
    kind: 'Pod',
    spec: { containers: [{ name: 'a' }], terminationGracePeriodSeconds: 0, automountServiceAccountToken: true },
  });
});

test('embedded structs stand beside the fields of their owner', async (t) => {
  const bytes = body('v1', 'Pod', (pod) =>
    nested(pod, 2, (spec) =>
      nested(spec, 1, (volume) => {
        text(volume, 1, 'v');
        nested(volume, 2, (source) => nested(source, 2, () => undefined));
      }),
    ),
  );
  t.deepEqual(await decode(bytes), { apiVersion: 'v1', kind: 'Pod', spec: { volumes: [{ name: 'v', emptyDir: {} }] } });
});

test('binary data becomes base64, quantities strings, ports numbers or names', async (t) => {
  const secret = body('v1', 'Secret', (writer) =>
    nested(writer, 2, (entry) => {
      text(entry, 1, 'key');
      bytesField(entry, 2, Buffer.from([0, 255]));
    }),
  );
  t.deepEqual(await decode(secret), { apiVersion: 'v1', kind: 'Secret', data: { key: 'AP8=' } });
  const pod = body('v1', 'Pod', (writer) =>
    nested(writer, 2, (spec) =>
      nested(spec, 2, (container) =>
        nested(container, 8, (resources) =>
          nested(resources, 1, (entry) => {
            text(entry, 1, 'cpu');
            nested(entry, 2, (quantity) => text(quantity, 1, '250m'));
          }),
        ),
      ),
    ),
  );
  t.like(await decode(pod), { spec: { containers: [{ resources: { limits: { cpu: '250m' } } }] } });
  const service = body('v1', 'Service', (writer) =>
    nested(writer, 2, (spec) => {
      nested(spec, 1, (port) => nested(port, 4, (target) => int(target, 2, 8080)));
      nested(spec, 1, (port) => nested(port, 4, (target) => text(int(target, 1, 1), 3, 'http')));
    }),
  );
  t.like(await decode(service), { spec: { ports: [{ targetPort: 8080 }, { targetPort: 'http' }] } });
});

test('times are RFC 3339, with microseconds where they count, and absent when they were never set', async (t) => {
  const lease = body('coordination.k8s.io/v1', 'Lease', (writer) => {
    nested(writer, 1, (meta) => {
      nested(meta, 8, () => undefined);
      nested(meta, 9, (time) => int(time, 1, 1_700_000_000));
    });
    nested(writer, 2, (spec) => nested(spec, 4, (time) => int(int(time, 1, 1_700_000_000), 2, 1_234_567)));
  });
  t.deepEqual(await decode(lease), {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { deletionTimestamp: '2023-11-14T22:13:20Z' },
    spec: { renewTime: '2023-11-14T22:13:20.001234Z' },
  });
});

test('negative and large numbers arrive as they were', async (t) => {
  const bytes = body('v1', 'Pod', (pod) =>
    nested(pod, 2, (spec) => {
      int(spec, 25, -10);
      int(spec, 5, 2 ** 40);
    }),
  );
  t.like(await decode(bytes), { spec: { priority: -10, activeDeadlineSeconds: 2 ** 40 } });
});

test('managed fields arrive as the JSON that they are', async (t) => {
  const bytes = body('v1', 'ConfigMap', (writer) =>
    nested(writer, 1, (meta) => nested(meta, 17, (entry) => nested(entry, 7, (fields) => text(fields, 1, '{"f:data":{}}')))),
  );
  t.like(await decode(bytes), { metadata: { managedFields: [{ fieldsV1: { 'f:data': {} } }] } });
});

test('options of a deletion belong to every group', async (t) => {
  const fill: Fill = (writer) => text(int(writer, 1, 0), 4, 'Background');
  for (const apiVersion of ['v1', 'apps/v1', 'meta.k8s.io/v1']) {
    t.deepEqual(await decode(body(apiVersion, 'DeleteOptions', fill)), {
      apiVersion,
      kind: 'DeleteOptions',
      gracePeriodSeconds: 0,
      propagationPolicy: 'Background',
    });
  }
});

test('unknown fields are skipped', async (t) => {
  const bytes = body('v1', 'Namespace', (writer) => {
    text(writer, 99, 'new');
    nested(writer, 1, (meta) => text(meta, 1, 'a'));
  });
  t.deepEqual(await decode(bytes), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } });
});

test('every kind has a message, and every message has the fields of its type', (t) => {
  const fieldsOf = (name: string): string[] =>
    [...parseMessage(messageNotations.get(name) ?? '').values()].flatMap((field) => (field.inlined ? fieldsOf(field.name) : [field.name]));
  for (const kind of kinds) t.true(messageNotations.has(shortName(typeNameOf(kind))), kind.kind);
  for (const name of messageNotations.keys()) {
    const type = schema.type(name);
    // Embedded structs are no types of their own in OpenAPI.
    if (type === undefined) continue;
    const typeMeta = name.endsWith('.OwnerReference') || name.includes('Reference') || name.endsWith('Entry') || name.includes('ResourceClaimSource');
    const expected = [...type.fields.keys()].filter((field) => typeMeta || (field !== 'apiVersion' && field !== 'kind'));
    t.deepEqual(fieldsOf(name).filter((field) => typeMeta || (field !== 'apiVersion' && field !== 'kind')).sort(), expected.sort(), name);
  }
});

for (const [title, bytes] of Object.entries({
  'a body without the prefix': Buffer.from('{"kind":"Pod"}'),
  'a kind that is not served': body('example.com/v1', 'Widget', () => undefined),
  'a group, which nests without bound': body('v1', 'Pod', (writer) => writer.uint32((99 << 3) | 3)),
  'a message that claims to be longer than the body': body('v1', 'Pod', (writer) => writer.uint32((1 << 3) | 2).uint32(1_000)),
  'a time beyond the calendar': body('v1', 'Pod', (writer) =>
    nested(writer, 1, (meta) => nested(meta, 8, (time) => int(time, 1, 2 ** 50))),
  ),
})) {
  test(`${title} is a bad request`, async (t) => {
    t.true(isApiError(await t.throwsAsync(decode(bytes)), 'BadRequest'));
  });
}

test('a body that was cut or changed anywhere is decoded or refused, never a crash', async (t) => {
  const random = seededRandom(3);
  const bytes = Buffer.from(recordedDeployment, 'base64');
  for (let round = 0; round < 2_000; round += 1) {
    const broken = Buffer.from(bytes.subarray(0, random.next() < 0.3 ? Math.floor(random.next() * bytes.length) + 1 : bytes.length));
    for (let change = 0; change < 3; change += 1) broken[Math.floor(random.next() * broken.length)] = Math.floor(random.next() * 256);
    try {
      await decode(broken);
      t.pass();
    } catch (error) {
      t.true(isApiError(error, 'BadRequest'), String(error));
    }
  }
});
