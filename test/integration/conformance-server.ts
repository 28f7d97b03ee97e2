/** One API server for all tests of a file, since starting one takes longer than most tests; none of them stops it. */
import type { ExecutionContext, TestFn } from 'ava';
import { kinds, namespaceKind } from '../../proto/kinds.ts';
import { type ApiFixture, type ApiFixtureOptions, startApi, systemNamespaces } from '../fixtures/api-server.ts';

/** Removes every object but the system's namespaces, whatever holds it. */
const empty = async ({ store: { reader, writer } }: ApiFixture): Promise<void> => {
  await reader.current();
  const left = kinds.flatMap((kind) => reader.list(kind)).filter(({ kind, key }) => kind !== namespaceKind || !systemNamespaces.includes(key));
  await Promise.all(left.map(({ kind, key, revision }) => writer.remove(kind, key, revision)));
};

export interface SharedApiOptions extends ApiFixtureOptions {
  /** Each test finds the server as it was at first; its tests run one after the other. Without it they name their objects apart. */
  readonly emptied?: boolean;
}

/** Starts the server before the file's tests and stops it after them; the result gives it to a running test. */
export const sharedApi = (test: TestFn, { emptied = false, ...options }: SharedApiOptions = {}): (() => ApiFixture) => {
  const ends: (() => unknown)[] = [];
  let fixture: ApiFixture | undefined;
  test.serial.before(async () => {
    // Hooks have no teardown of their own.
    const teardown = (end: () => unknown): void => void ends.push(end);
    fixture = await startApi({ teardown } as unknown as ExecutionContext, options);
  });
  if (emptied) {
    test.afterEach.always(async () => {
      if (fixture) await empty(fixture);
    });
  }
  test.after.always(async () => {
    for (const end of ends.reverse()) await end();
  });
  return () => {
    if (!fixture) throw new Error('the server is started before the first test');
    return fixture;
  };
};
