import test from 'ava';
import { Pictures } from '../../../../agent/runtime/pictures.ts';
import type { ObservedContainer, ObservedPod, ObservedSandbox } from '../../../../agent/runtime/runtime.ts';

const owner = { uid: 'uid', namespace: 'default', name: 'web' };
const sandbox: ObservedSandbox = { id: 's0', attempt: 0, ready: true, createdAtMs: 1, ips: ['10.0.0.1'] };
const container = { id: 'c0', name: 'main', sandboxId: 's0', attempt: 0, state: 'running', createdAtMs: 2 } as ObservedContainer;
const empty: ObservedPod = { ...owner, sandboxes: [], containers: [] };

/** Pictures that are kept, as after the first relist. */
const following = (): Pictures => {
  const pictures = new Pictures();
  pictures.follow(true);
  pictures.listing()();
  return pictures;
};

test('what was asked for is known until there is doubt', (t) => {
  const pictures = following();
  t.is(pictures.known('uid', false), undefined);
  t.true(pictures.keep('uid', pictures.slot('uid'), empty));
  t.deepEqual(pictures.known('uid', false), { pod: empty });
  pictures.doubt('uid');
  t.is(pictures.known('uid', false), undefined);
});

test('an answer to a question from before something happened is not taken', (t) => {
  const pictures = following();
  const slot = pictures.slot('uid');
  pictures.doubt('uid');
  t.false(pictures.keep('uid', slot, empty));
  t.is(pictures.known('uid', false), undefined);
  t.true(pictures.keep('uid', pictures.slot('uid'), empty), 'the next answer is');
});

test('two who ask at the same time both get their answer', (t) => {
  const pictures = following();
  const [one, two] = [pictures.slot('uid'), pictures.slot('uid')];
  t.true(pictures.keep('uid', one, empty));
  t.true(pictures.keep('uid', two, empty));
});

test('steps add what they made; a list that was under way meanwhile does not count', (t) => {
  const pictures = following();
  t.deepEqual(pictures.known('uid', true), { pod: undefined }, 'everything was listed, and nothing was the pod’s');
  pictures.add(owner, pictures.slot('uid'), { sandbox });
  const listing = pictures.slot('uid');
  pictures.add(owner, pictures.slot('uid'), { container });
  t.deepEqual(pictures.known('uid', false)?.pod, { ...owner, sandboxes: [sandbox], containers: [container] });
  t.false(pictures.keep('uid', listing, { ...owner, sandboxes: [sandbox], containers: [] }));
  pictures.add(owner, pictures.slot('uid'), { container: { ...container, id: 'c1', attempt: 1 } });
  t.deepEqual(pictures.known('uid', false)?.pod?.containers.map(({ id }) => id), ['c1', 'c0'], 'newest first');
});

test('a container that has ended changes what is known, and a list from before does not count', (t) => {
  const pictures = following();
  pictures.keep('uid', pictures.slot('uid'), { ...owner, sandboxes: [sandbox], containers: [container] });
  const listing = pictures.slot('uid');
  pictures.change('uid', { ...container, state: 'exited' });
  t.deepEqual(pictures.known('uid', false)?.pod?.containers.map(({ state }) => state), ['exited']);
  t.false(pictures.keep('uid', listing, empty));
  pictures.doubt('uid');
  pictures.change('uid', { ...container, state: 'exited' });
  t.is(pictures.known('uid', false), undefined, 'of a pod that is in doubt nothing is known');
});

test('what was made is asked about again when something happened while its state was asked for', (t) => {
  const pictures = following();
  pictures.keep('uid', pictures.slot('uid'), empty);
  const slot = pictures.slot('uid');
  pictures.doubt('uid');
  pictures.add(owner, slot, { container });
  t.is(pictures.known('uid', false), undefined);
});

test('nothing is known while events may be missed, nor of new pods until everything was listed again', (t) => {
  const pictures = following();
  pictures.keep('uid', pictures.slot('uid'), empty);
  pictures.follow(false);
  t.is(pictures.known('uid', false), undefined);
  t.is(pictures.known('other', true), undefined);
  t.true(pictures.keep('uid', pictures.slot('uid'), empty), 'answers are good for those who asked');
  t.is(pictures.known('uid', false), undefined);
  const listed = pictures.listing();
  pictures.follow(true);
  listed();
  t.is(pictures.known('other', true), undefined, 'that list began before the events did');
  pictures.listing()();
  t.deepEqual(pictures.known('other', true), { pod: undefined });
});

test('a relist forgets what was known before it, and not what happened meanwhile', (t) => {
  const pictures = following();
  pictures.keep('old', pictures.slot('old'), empty);
  const listed = pictures.listing();
  pictures.known('new', true);
  pictures.add({ ...owner, uid: 'new' }, pictures.slot('new'), { sandbox });
  pictures.doubt('failed');
  listed();
  t.is(pictures.known('old', false), undefined);
  t.deepEqual(pictures.known('new', false)?.pod?.sandboxes, [sandbox]);
  t.is(pictures.known('failed', true), undefined, 'a step that failed may have left something');
});
