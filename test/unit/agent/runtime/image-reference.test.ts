import test from 'ava';
import { defaultPullPolicy, formatImageReference, parseImageReference } from '../../../../agent/runtime/image-reference.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

test('short names are completed as container tools do', (t) => {
  const cases: Record<string, string> = {
    busybox: 'docker.io/library/busybox:latest',
    'team/app:1.2': 'docker.io/team/app:1.2',
    'localhost/app': 'localhost/app:latest',
    'localhost:5000/hello:1': 'localhost:5000/hello:1',
    'registry.example.com/a/b/c': 'registry.example.com/a/b/c:latest',
    'index.docker.io/busybox': 'docker.io/library/busybox:latest',
    [`localhost:5000/hello@${digest}`]: `localhost:5000/hello@${digest}`,
    [`localhost:5000/hello:1@${digest}`]: `localhost:5000/hello@${digest}`,
  };
  for (const [text, full] of Object.entries(cases)) {
    const reference = parseImageReference(text);
    t.is(reference && formatImageReference(reference), full, text);
  }
});

test('what is no reference is told from what is', (t) => {
  for (const text of ['', 'Upper', 'a b', 'app:', ':1', 'a//b', 'app@sha256:12', 'app:bad tag', '-app', 'x'.repeat(5000)]) {
    t.is(parseImageReference(text), undefined, text.slice(0, 20));
  }
});

test('only the latest tag is pulled always by default', (t) => {
  const policy = (text: string): string | undefined => {
    const reference = parseImageReference(text);
    return reference && defaultPullPolicy(reference);
  };
  t.is(policy('app'), 'Always');
  t.is(policy('app:1'), 'IfNotPresent');
  t.is(policy(`app@${digest}`), 'IfNotPresent');
});
